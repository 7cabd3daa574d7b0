import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import path from "node:path";

/** A small file system of its own, which can be filled to the last byte. */
export type Disk = {
  fill(): void;
  free(): void;
  /** Grows with what is kept on it, so that only who fills it finds it full. */
  keepRoom(): void;
  unmount(): void;
};

const megabyte = 1024 * 1024;
const sizeAtFirst = 512 * megabyte;
const room = 256 * megabyte;

/** Mounts one on a directory. Undefined where this machine does not allow it. */
export function mountDisk(directory: string): Disk | undefined {
  mkdirSync(directory, { recursive: true });
  try {
    mount("-t", "tmpfs", "-o", `size=${sizeAtFirst},mode=755`, "tmpfs", directory);
  } catch {
    return undefined;
  }
  const ballast = path.join(directory, "ballast");
  return {
    fill: () => {
      const piece = Buffer.alloc(4 * megabyte);
      for (let bytes = freeBytes(directory); bytes > 0; bytes = freeBytes(directory)) {
        try {
          writeFileSync(ballast, piece.subarray(0, Math.min(bytes, piece.length)), { flag: "a" });
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
          return;
        }
      }
    },
    free: () => rmSync(ballast, { force: true }),
    keepRoom: () => {
      const { blocks, bsize } = statfsSync(directory);
      const missing = room - freeBytes(directory);
      if (missing > 0) mount("-o", `remount,size=${blocks * bsize + missing}`, directory);
    },
    unmount: () => {
      execFileSync("umount", ["--lazy", directory], { stdio: "pipe" });
    },
  };
}

function mount(...words: readonly string[]): void {
  execFileSync("mount", words, { stdio: "pipe" });
}

function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}
