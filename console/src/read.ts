// Readers turn what came over the wire into typed values or refuse it with the
// path of the field that is wrong. Nothing from outside is cast.

export type Reader<T> = (value: unknown, path: string) => T;
export type Infer<R> = R extends Reader<infer T> ? T : never;

export class ReadError extends Error {
  constructor(path: string, expected: string) {
    super(`${path || "message"}: expected ${expected}`);
    this.name = "ReadError";
  }
}

export const text: Reader<string> = (value, path) => {
  if (typeof value !== "string") throw new ReadError(path, "text");
  return value;
};

export const number: Reader<number> = (value, path) => {
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw new ReadError(path, "a number");
  }
  return value;
};

export const boolean: Reader<boolean> = (value, path) => {
  if (typeof value !== "boolean") throw new ReadError(path, "true or false");
  return value;
};

export const unknown: Reader<unknown> = (value) => value;

/** Missing and null are one: not known. */
export function nullable<T>(reader: Reader<T>): Reader<T | null> {
  return (value, path) =>
    value === undefined || value === null ? null : reader(value, path);
}

export function withDefault<T>(reader: Reader<T>, fallback: T): Reader<T> {
  return (value, path) =>
    value === undefined || value === null ? fallback : reader(value, path);
}

export function oneOf<const T extends string>(...allowed: T[]): Reader<T> {
  return (value, path) => {
    const found = allowed.find((one) => one === value);
    if (found === undefined) throw new ReadError(path, allowed.join(" | "));
    return found;
  };
}

export function list<T>(reader: Reader<T>): Reader<T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw new ReadError(path, "a list");
    return value.map((one, i) => reader(one, `${path}[${i}]`));
  };
}

export function record<T>(reader: Reader<T>): Reader<Record<string, T>> {
  return (value, path) => {
    const entries = Object.entries(asObject(value, path));
    return Object.fromEntries(entries.map(([k, v]) => [k, reader(v, `${path}.${k}`)]));
  };
}

type Fields = Record<string, Reader<unknown>>;

export function object<F extends Fields>(
  fields: F,
): Reader<{ [K in keyof F]: Infer<F[K]> }> {
  const entries = Object.entries(fields);
  return (value, path) => {
    const raw = asObject(value, path);
    const out: Record<string, unknown> = {};
    for (const [name, reader] of entries) {
      out[name] = reader(raw[name], path ? `${path}.${name}` : name);
    }
    return out as { [K in keyof F]: Infer<F[K]> };
  };
}

function asObject(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ReadError(path, "an object");
  }
  return value as Record<string, unknown>;
}
