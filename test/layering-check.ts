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
  const { files, checker } = parse(sources);
  return files.flatMap((file) => {
    const found: string[] = [];
    const report = (node: ts.Node, what: string): void => {
      const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
      found.push(`${file.fileName}:${line + 1} ${what}`);
    };
    for (const imported of importsOf(file)) {
      const problem = importProblem(file.fileName, imported, published);
      if (problem) report(imported.node, `imports ${imported.specifier}: ${problem}`);
    }
    if (isCore(file.fileName)) visitCore(file, checker, report);
    return found;
  });
}

const isCore = (path: string): boolean =>
  path.startsWith('src/') && !path.startsWith(OUTSIDE_WORLD);

/**
 * With neither a library nor resolution, a name has a symbol only if its own file declares or
 * imports it: what has none is a global.
 */
function parse(sources: Sources): { files: ts.SourceFile[]; checker: ts.TypeChecker } {
  const options: ts.CompilerOptions = {
    noLib: true,
    noResolve: true,
    types: [],
    target: ts.ScriptTarget.ES2022,
    moduleDetection: ts.ModuleDetectionKind.Force,
  };
  const host: ts.CompilerHost = {
    ...ts.createCompilerHost(options),
    getCurrentDirectory: () => '',
    fileExists: (path) => sources.has(path),
    readFile: (path) => sources.get(path),
    getSourceFile: (path) => {
      const text = sources.get(path);
      return text === undefined
        ? undefined
        : ts.createSourceFile(
            path,
            text,
            { ...options, languageVersion: ts.ScriptTarget.ES2022 },
            true,
          );
    },
  };
  const program = ts.createProgram([...sources.keys()], options, host);
  const files = program.getSourceFiles().filter(({ fileName }) => sources.has(fileName));
  return { files: [...files], checker: program.getTypeChecker() };
}

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

function visitCore(
  file: ts.SourceFile,
  checker: ts.TypeChecker,
  report: (node: ts.Node, what: string) => void,
): void {
  const visit = (node: ts.Node): void => {
    if (node.kind === ts.SyntaxKind.AsyncKeyword || ts.isAwaitExpression(node))
      report(node, 'is asynchronous: the core is synchronous');
    if (ts.isIdentifier(node) && isReference(node) && isGlobal(node, checker)) {
      const why =
        FORBIDDEN_GLOBALS.get(node.text) ??
        (isMathRandom(node) ? 'randomness is given' : undefined);
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

function isGlobal(node: ts.Identifier, checker: ts.TypeChecker): boolean {
  const { parent } = node;
  const symbol = ts.isShorthandPropertyAssignment(parent)
    ? checker.getShorthandAssignmentValueSymbol(parent)
    : checker.getSymbolAtLocation(node);
  return !symbol?.declarations?.length;
}

const isMathRandom = ({ text, parent }: ts.Identifier): boolean =>
  text === 'Math' && ts.isPropertyAccessExpression(parent) && parent.name.text === 'random';
