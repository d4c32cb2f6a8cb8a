/** Reads sources as syntax trees and says where a secret may be compared otherwise than through the door of wire. */
import ts from 'typescript';

/** The only file that may use tweetnacl's comparison. */
const DOOR = 'src/wire/constant-time.ts';

/** Comparisons that stop early, and why each of these is about octets that anyone may see. */
export const PUBLIC_COMPARISONS: Readonly<Record<string, string>> = {
  'src/ipsec/ike/v2/window.ts bytesEqual': 'a datagram that came again',
  'src/ipsec/ike/v2/ike-v2.ts bytesEqual': 'a first message that came again',
  'src/ipsec/ike/v2/nat.ts bytesEqual': 'hashes of addresses, which anyone can make',
  'src/ipsec/ike/v2/identity.ts bytesEqual': 'names',
  'src/ipsec/ike/v2/half-open.ts cookie': 'its first octet, which says how old it is',
  'src/dmvpn/dissect.ts bytesEqual': 'a recording, encoded again',
  'src/io/crypto-node-dh.ts Buffer.compare': 'a public value and the prime',
};

/** Names of values that are secret, or prove one: as the last name of an expression. */
const SECRET_NAME =
  /^(secret|psk|password|presharedKey|icv|mac|hmac|tag|digest|cookie|skeyseed|keymat|shared|sharedSecret|authData|octetsOfKey|encryptionKey|integrityKey|privateKey|d|ai|ar|ei|er|pi|pr)$/i;

const EARLY_STOPPING = new Set(['bytesEqual', 'Buffer.compare', 'Buffer.equals']);
const FORBIDDEN = new Set(['timingSafeEqual']);

/** One line for each violation. */
export function comparisonViolations(path: string, text: string): string[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const problem = problemOf(path, node);
    if (problem !== null) {
      const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
      found.push(`${path}:${line + 1} ${problem}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

function problemOf(path: string, node: ts.Node): string | null {
  if (ts.isIdentifier(node) && FORBIDDEN.has(node.text)) return `uses ${node.text}`;
  if (ts.isCallExpression(node)) return callProblem(path, node.expression.getText());
  if (!ts.isBinaryExpression(node) || !isEquality(node.operatorToken.kind)) return null;
  const secret = [node.left, node.right].map(lastName).find((name) => SECRET_NAME.test(name));
  const isPresence = [node.left, node.right].some(isAbsent);
  if (secret === undefined || isPresence || `${path} ${secret}` in PUBLIC_COMPARISONS) return null;
  return `compares ${secret} by ===`;
}

function callProblem(path: string, callee: string): string | null {
  if (callee === 'nacl.verify') return path === DOOR ? null : 'uses nacl.verify outside its door';
  const name =
    /(^|\.)(compare|equals)$/.test(callee) && /buffer|buf\b/i.test(callee)
      ? `Buffer.${callee.split('.').at(-1)}`
      : callee;
  if (!EARLY_STOPPING.has(name) || `${path} ${name}` in PUBLIC_COMPARISONS) return null;
  return `compares by ${name}, which stops at the first difference`;
}

const isEquality = (kind: ts.SyntaxKind): boolean =>
  kind === ts.SyntaxKind.EqualsEqualsEqualsToken ||
  kind === ts.SyntaxKind.ExclamationEqualsEqualsToken ||
  kind === ts.SyntaxKind.EqualsEqualsToken ||
  kind === ts.SyntaxKind.ExclamationEqualsToken;

/** `a.b.secret` → secret, `secret[i]` → secret, `String(secret)` → secret. */
function lastName(node: ts.Expression): string {
  if (ts.isIdentifier(node)) return node.text;
  if (ts.isPropertyAccessExpression(node))
    return node.name.text === 'octets' ? lastName(node.expression) : node.name.text;
  if (ts.isElementAccessExpression(node)) return lastName(node.expression);
  if (ts.isParenthesizedExpression(node) || ts.isAsExpression(node) || ts.isNonNullExpression(node))
    return lastName(node.expression);
  if (ts.isCallExpression(node) && node.arguments[0] !== undefined)
    return lastName(node.arguments[0]);
  return '';
}

/** null, undefined, a number, a literal: whether there is one, not which. */
const isAbsent = (node: ts.Expression): boolean =>
  node.kind === ts.SyntaxKind.NullKeyword ||
  ts.isNumericLiteral(node) ||
  ts.isStringLiteral(node) ||
  ts.isTypeOfExpression(node) ||
  (ts.isIdentifier(node) && node.text === 'undefined');
