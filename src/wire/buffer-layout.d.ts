/** The part of buffer-layout that this project uses; the package brings no types. */
declare module 'buffer-layout' {
  export class Layout<T = unknown> {
    readonly span: number;
    readonly property: string | undefined;
    decode(b: Uint8Array, offset?: number): T;
    encode(src: T, b: Uint8Array, offset?: number): number;
  }
  export class Structure<T = Record<string, unknown>> extends Layout<T> {
    readonly fields: readonly Layout[];
    offsetOf(property: string): number | undefined;
  }
  export function u8(property?: string): Layout<number>;
  export function u16be(property?: string): Layout<number>;
  export function u32be(property?: string): Layout<number>;
  export function blob(length: number, property?: string): Layout<Uint8Array>;
  export function struct<T = Record<string, unknown>>(
    fields: readonly Layout<never>[] | readonly Layout[],
    property?: string,
  ): Structure<T>;
}
