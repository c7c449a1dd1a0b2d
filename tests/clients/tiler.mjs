// imbrex-tiler, as its tests run it.
import {execFileSync} from "node:child_process";

export const tiler = (...args) =>
    execFileSync(process.env.IMBREX_TILER, args, {stdio: "pipe"});
