/**
 * Longest prefix match for IPv4 prefixes of 0..31 bits: a multibit trie of 16, 8 and 8 bits, leaf-pushed, so that a
 * lookup is at most three dependent reads. A cell is 0 (no prefix), a leaf (value + 1) << 5 | length, or
 * ~node, negative, for a node of 256 cells one level down.
 */
import { NONE } from './host-table.js';

const ROOT_CELLS = 1 << 16;
const NODE_CELLS = 256;
const LENGTH_BITS = 5;
const LENGTH_MASK = 31;

/** Values that fit beside the length: 0 .. 2^26 − 2. */
const MAX_VALUE: number = 2 ** 26 - 2;

export class MultibitTrie {
  private readonly root = new Int32Array(ROOT_CELLS);
  private nodes = new Int32Array(NODE_CELLS * 4);
  private nodeCount = 0;
  private readonly freeNodes: number[] = [];

  /** Nodes below the root that are in use, 1 KiB each. */
  get nodesHeld(): number {
    return this.nodeCount - this.freeNodes.length;
  }

  match(w0: number): number {
    let cell = this.root[w0 >>> 16] as number;
    if (cell < 0) cell = this.nodes[~cell * NODE_CELLS + ((w0 >>> 8) & 255)] as number;
    if (cell < 0) cell = this.nodes[~cell * NODE_CELLS + (w0 & 255)] as number;
    return (cell >>> LENGTH_BITS) - 1; // 0 gives NONE
  }

  set(w0: number, length: number, value: number): void {
    if (value > MAX_VALUE) throw new Error(`bug: ${value} does not fit a cell of the trie`);
    const leaf = leafOf(value, length);
    this.paint(w0, length, (cell) => ((cell & LENGTH_MASK) <= length ? leaf : cell));
  }

  /** Takes the prefix out; its cells go to the next shorter prefix that covers them, or NONE. */
  delete(w0: number, length: number, cover: { value: number; length: number }): void {
    const heir = cover.value === NONE ? 0 : leafOf(cover.value, cover.length);
    this.paint(w0, length, (cell) => (cell !== 0 && (cell & LENGTH_MASK) === length ? heir : cell));
    this.prune(w0, length);
  }

  /** Applies the rule to every leaf cell under the prefix. Within it, a leaf of its length is its own. */
  private paint(w0: number, length: number, rule: (cell: number) => number): void {
    if (length <= 16) {
      this.fill(this.root, w0 >>> 16, 1 << (16 - length), rule);
      return;
    }
    const middle = this.descend('root', w0 >>> 16) + ((w0 >>> 8) & 255);
    if (length <= 24) {
      this.fill(this.nodes, middle, 1 << (24 - length), rule);
      return;
    }
    const last = this.descend('nodes', middle) + (w0 & 255);
    this.fill(this.nodes, last, 1 << (32 - length), rule);
  }

  private fill(
    table: Int32Array,
    from: number,
    cells: number,
    rule: (cell: number) => number,
  ): void {
    for (let i = from; i < from + cells; i++) {
      const cell = table[i] as number;
      if (cell < 0) this.fill(this.nodes, ~cell * NODE_CELLS, NODE_CELLS, rule);
      else table[i] = rule(cell);
    }
  }

  /** Index of the first cell of the node under `table[at]`, made if need be from the leaf that stood there. */
  private descend(table: 'root' | 'nodes', at: number): number {
    const cell = this[table][at] as number;
    if (cell < 0) return ~cell * NODE_CELLS;
    const node = this.freeNodes.pop() ?? this.nodeCount++;
    if (this.nodeCount * NODE_CELLS > this.nodes.length) this.growNodes();
    this.nodes.fill(cell, node * NODE_CELLS, (node + 1) * NODE_CELLS);
    this[table][at] = ~node;
    return node * NODE_CELLS;
  }

  private growNodes(): void {
    const grown = new Int32Array(this.nodes.length * 2);
    grown.set(this.nodes);
    this.nodes = grown;
  }

  /** Nodes on the way that have become uniform are given back, lowest first: churn must not grow the trie. */
  private prune(w0: number, length: number): void {
    if (length <= 16) return;
    const top = this.root[w0 >>> 16] as number;
    if (top >= 0) return;
    if (length > 24) this.collapse(this.nodes, ~top * NODE_CELLS + ((w0 >>> 8) & 255));
    this.collapse(this.root, w0 >>> 16);
  }

  private collapse(table: Int32Array, at: number): void {
    const cell = table[at] as number;
    if (cell >= 0) return;
    const first = ~cell * NODE_CELLS;
    const leaf = this.nodes[first] as number;
    if (leaf < 0) return;
    for (let i = first; i < first + NODE_CELLS; i++) if (this.nodes[i] !== leaf) return;
    table[at] = leaf;
    this.freeNodes.push(~cell);
  }
}

const leafOf = (value: number, length: number): number => ((value + 1) << LENGTH_BITS) | length;
