import { promisify } from "node:util";
import { gzip } from "node:zlib";

export type ArchivedFile = { readonly name: string; readonly text: string };

const compress = promisify(gzip);
const blockBytes = 512;

/** A gzipped tarball (POSIX.1-1988 ustar) of files whose names have at most 100 bytes. */
export async function archive(files: readonly ArchivedFile[]): Promise<Buffer> {
  const blocks = files.flatMap(({ name, text }) => {
    const content = Buffer.from(text, "utf8");
    return [headerOf(name, content.length), content, Buffer.alloc(-content.length & (blockBytes - 1))];
  });
  return compress(Buffer.concat([...blocks, Buffer.alloc(2 * blockBytes)]));
}

function headerOf(name: string, bytes: number): Buffer {
  if (Buffer.byteLength(name) > 100) throw new Error(`the name ${name} is too long for an archive`);
  const header = Buffer.alloc(blockBytes);
  header.write(name, 0);
  header.write("0000644\0", 100);
  header.write("0000000\0", 108);
  header.write("0000000\0", 116);
  header.write(`${bytes.toString(8).padStart(11, "0")}\0`, 124);
  // The same files make the same archive, whenever they are archived.
  header.write("00000000000\0", 136);
  header.write("        0", 148);
  header.write("ustar\u000000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}
