/** esbuild's `binary` loader: the file's bytes. */
declare module '*.wasm' {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}

/** esbuild's `text` loader: the file's text. */
declare module '*.css' {
  const text: string;
  export default text;
}
