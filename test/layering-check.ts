/** Reads sources as syntax trees and says where they break the rules of layering-rules.ts. */
import { posix } from 'node:path';
import ts from 'typescript';
import {
  EXCEPTIONS,
  FORBIDDEN_GLOBALS,
  LAYERS,
  LOADED_LATE,
  OUTSIDE_WORLD,
  PACKAGE_DOORS,
} from './layering-rules.js';

/** Path from the root of the project → text. */
export type Sources = ReadonlyMap<string, string>;

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
  readonly late: boolean;
  readonly node: ts.Node;
}

/** One line for each violation: `src/gre/header.ts:3 imports …`. */
export function layeringViolations(sources: Sources, published: readonly string[]): string[] {
  return [...sources].flatMap(([path, text]) => {
    const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
    const found: string[] = [];
    const report: Report = (node, what) => {
      const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
      found.push(`${path}:${line + 1} ${what}`);
    };
    for (const imported of importsOf(file)) {
      const problem = importProblem(path, imported, published);
      if (problem) report(imported.node, `imports ${imported.specifier}: ${problem}`);
    }
    if (isCore(path)) visitCore(file, report);
    return found;
  });
}

type Report = (node: ts.Node, what: string) => void;

const isCore = (path: string): boolean =>
  path.startsWith('src/') && !path.startsWith(OUTSIDE_WORLD);

function importsOf(file: ts.SourceFile): Import[] {
  const found: Import[] = [];
  const add = (
    node: ts.Node,
    specifier: ts.Node | undefined,
    typeOnly: boolean,
    late = false,
  ): void => {
    if (specifier && ts.isStringLiteralLike(specifier))
      found.push({ specifier: specifier.text, typeOnly, late, node });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node, node.moduleSpecifier, onlyTypes(node.importClause));
    else if (ts.isExportDeclaration(node)) add(node, node.moduleSpecifier, onlyTypes(node));
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node, node.argument.literal, true);
    else if (ts.isExternalModuleReference(node)) add(node, node.expression, false);
    else if (ts.isCallExpression(node) && loads(node.expression))
      add(node, node.arguments[0], false, true);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

const loads = (callee: ts.Expression): boolean =>
  callee.kind === ts.SyntaxKind.ImportKeyword ||
  (ts.isIdentifier(callee) && callee.text === 'require');

/** `import type …`, or every name in the braces marked `type`. */
function onlyTypes(clause: ts.ImportClause | ts.ExportDeclaration | undefined): boolean {
  if (!clause) return false;
  if (clause.isTypeOnly) return true;
  if (ts.isImportClause(clause) && clause.name) return false;
  const bindings = ts.isImportClause(clause) ? clause.namedBindings : clause.exportClause;
  if (!bindings || !(ts.isNamedImports(bindings) || ts.isNamedExports(bindings))) return false;
  return bindings.elements.length > 0 && bindings.elements.every(({ isTypeOnly }) => isTypeOnly);
}

function importProblem(
  from: string,
  imported: Import,
  published: readonly string[],
): string | null {
  const { specifier } = imported;
  const inSource = from.startsWith('src/');
  if (specifier.startsWith('.')) {
    const to = posix.join(posix.dirname(from), specifier);
    return inSource ? layerProblem(from, to, imported.typeOnly) : outsideProblem(from, to);
  }
  if (specifier.startsWith('node:')) return isCore(from) ? 'node: modules belong in src/io' : null;
  if (!inSource) return published.includes(specifier) ? null : 'not a published entry point';
  return packageProblem(from, imported);
}

const outsideProblem = (from: string, to: string): string | null =>
  to.split('/')[0] === from.split('/')[0] ? null : 'only published entry points are allowed here';

function packageProblem(from: string, { specifier, typeOnly, late }: Import): string | null {
  const doors = PACKAGE_DOORS[specifier];
  if (!doors) return 'not a dependency of the library';
  if (!doors.some((door) => (door.endsWith('/') ? from.startsWith(door) : from === door)))
    return `only ${doors.join(' and ')} may`;
  const early = LOADED_LATE.includes(specifier) && !typeOnly && !late;
  return early ? 'an optional peer is loaded when it is needed' : null;
}

function layerProblem(from: string, to: string, typeOnly: boolean): string | null {
  const [user, used] = [layerOf(from), layerOf(to)];
  if (user === null || used === null) return 'no such layer in test/layering-rules.ts';
  if (EXCEPTIONS[user]?.some((path) => to.startsWith(path))) return `${user} may not`;
  if (user === used) return null;
  const layer = LAYERS[user];
  if (layer?.values.includes(used)) return null;
  if (!layer?.types?.includes(used)) return `${user} may not import ${used}`;
  return typeOnly ? null : `${user} may import only types of ${used}`;
}

function layerOf(path: string): string | null {
  const inside = path.replace(/^src\//, '').replace(/\.js$/, '.ts');
  const matching = Object.keys(LAYERS).filter(
    (name) => inside === name || inside.startsWith(`${name}/`),
  );
  return matching.sort((a, b) => b.length - a.length)[0] ?? null;
}

function visitCore(file: ts.SourceFile, report: Report): void {
  const scopes = scopesOfNames(file);
  const visit = (node: ts.Node): void => {
    if (node.kind === ts.SyntaxKind.AsyncKeyword || ts.isAwaitExpression(node))
      report(node, 'is asynchronous: the core is synchronous');
    if (ts.isIdentifier(node) && isReference(node) && isGlobal(node, scopes)) {
      const random = isMathRandom(node) ? 'randomness is given' : undefined;
      const why = FORBIDDEN_GLOBALS.get(node.text) ?? random;
      if (why) report(node, `uses ${node.text}: ${why}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
}

/** Not the name of a member, as in `env.crypto`, `{ crypto: … }` or `import { crypto as … }`. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isQualifiedName(parent)) return parent.left === node;
  if (ts.isBindingElement(parent) || ts.isImportSpecifier(parent))
    return parent.propertyName !== node;
  if (ts.isExportSpecifier(parent)) return false;
  return !('name' in parent && parent.name === node) || ts.isShorthandPropertyAssignment(parent);
}

/** For each name that the file declares or imports: the nodes inside which it means that declaration. */
function scopesOfNames(file: ts.SourceFile): Map<string, ts.Node[]> {
  const scopes = new Map<string, ts.Node[]>();
  const visit = (node: ts.Node): void => {
    if (declaresName(node) && node.name && ts.isIdentifier(node.name)) {
      const scope = ts.findAncestor(node.parent, isScope) ?? file;
      scopes.set(node.name.text, [...(scopes.get(node.name.text) ?? []), scope]);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return scopes;
}

const declaresName = (node: ts.Node): node is ts.NamedDeclaration =>
  ts.isVariableDeclaration(node) ||
  ts.isBindingElement(node) ||
  ts.isParameter(node) ||
  ts.isFunctionDeclaration(node) ||
  ts.isFunctionExpression(node) ||
  ts.isClassLike(node) ||
  ts.isInterfaceDeclaration(node) ||
  ts.isTypeAliasDeclaration(node) ||
  ts.isTypeParameterDeclaration(node) ||
  ts.isImportClause(node) ||
  ts.isNamespaceImport(node) ||
  ts.isImportSpecifier(node);

const isScope = (node: ts.Node): boolean =>
  ts.isBlock(node) ||
  ts.isFunctionLike(node) ||
  ts.isForStatement(node) ||
  ts.isForOfStatement(node) ||
  ts.isForInStatement(node) ||
  ts.isCatchClause(node) ||
  ts.isCaseBlock(node) ||
  ts.isClassLike(node) ||
  ts.isInterfaceDeclaration(node) ||
  ts.isTypeAliasDeclaration(node) ||
  ts.isSourceFile(node);

const isGlobal = (node: ts.Identifier, scopes: ReadonlyMap<string, readonly ts.Node[]>): boolean =>
  !scopes.get(node.text)?.some((scope) => ts.findAncestor(node, (outer) => outer === scope));

const isMathRandom = ({ text, parent }: ts.Identifier): boolean =>
  text === 'Math' && ts.isPropertyAccessExpression(parent) && parent.name.text === 'random';
