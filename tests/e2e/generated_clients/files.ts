import { readFileSync } from "node:fs";
import { basename } from "node:path";

/** The images that the test names on the command line. */
export const files = (): File[] => process.argv.slice(2).map((path) => new File([readFileSync(path)], basename(path)));

export const variable = (name: string): string => process.env[name] ?? "";
