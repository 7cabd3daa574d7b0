import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import path from "node:path";

/** A small file system of its own, which can be filled to the last byte. */
export type Disk = {
  fill(): void;
  free(): void;
  unmount(): void;
};

const megabytes = 512;

/** Mounts one on a directory. Undefined where this machine does not allow it. */
export function mountDisk(directory: string): Disk | undefined {
  mkdirSync(directory, { recursive: true });
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=755`, "tmpfs", directory], { stdio: "pipe" });
  } catch {
    return undefined;
  }
  const ballast = path.join(directory, "ballast");
  return {
    fill: () => {
      const piece = Buffer.alloc(4 * 1024 * 1024);
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
    unmount: () => {
      execFileSync("umount", ["--lazy", directory], { stdio: "pipe" });
    },
  };
}

function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}
