// Texts of the database as TypeScript. Names and comments may hold anything: none of them may end the literal or comment that it is put in.

const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

/** A string literal. */
export function literal(text: string): string {
  return `'${escape(text).replaceAll("'", "\\'")}'`;
}

/** The inside of a template literal. */
export function inTemplate(text: string): string {
  return escape(text).replaceAll('`', '\\`').replaceAll('${', '\\${');
}

// Without quotes.
function escape(text: string): string {
  return JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replace(/[\u007f-\u009f\u2028\u2029\ufeff]/g, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The name of a member in a type, or in an object literal: there, a bare __proto__ would be no member. */
export function property(name: string): string {
  if (name === '__proto__') return `['__proto__']`;
  return identifier.test(name) ? name : literal(name);
}

/** A comment above a declaration, or nothing. */
export function comment(text: string | null, indent = ''): string {
  const lines = (text ?? '').replaceAll('*/', '*\\/').split(/\r\n|[\n\r\u2028\u2029]/).map(line => line.trimEnd());
  if (lines.every(line => line === '')) return '';
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  return `${indent}/**\n${lines.map(line => `${indent} *${line && ` ${line}`}\n`).join('')}${indent} */\n`;
}

/** What stands in a line comment. */
export function inLine(text: string): string {
  return text.replace(/[\n\r\u2028\u2029]/g, ' ');
}

const reserved = new Set(
  ('break case catch class const continue debugger default delete do else enum export extends false finally for function if import in instanceof new null return super switch this throw true try typeof var void while with ' +
    'implements interface let package private protected public static yield await async of any unknown never string number boolean bigint symbol object undefined arguments eval').split(' '));

/** The names of a module, each given once. */
export class Names {
  private readonly taken: Set<string>;

  constructor(taken: Iterable<string>) {
    this.taken = new Set(taken);
  }

  /** `Prefix` and the words of the text: type_name → TypeName. */
  type(text: string, prefix = ''): string {
    const words = text.split(/[^\p{ID_Continue}$]+|_+/u).filter(word => word !== '');
    return this.free(prefix + words.map(word => word.replace(/^./u, c => c.toUpperCase())).join(''));
  }

  /** The same with a small first letter. */
  value(text: string): string {
    const words = text.split(/[^\p{ID_Continue}$]+|_+/u).filter(word => word !== '');
    return this.free(words.map((word, i) => (i === 0 ? word : word.replace(/^./u, c => c.toUpperCase()))).join(''));
  }

  /** Whether all of these can be given; if so, they are. */
  take(...names: string[]): boolean {
    if (names.some(name => this.taken.has(name) || reserved.has(name))) return false;
    for (const name of names) this.taken.add(name);
    return true;
  }

  private free(wanted: string): string {
    const name = identifier.test(wanted) ? wanted : `_${wanted}`;
    for (let i = 1; ; i++) {
      const candidate = i === 1 ? name : `${name}${i}`;
      if (this.take(candidate)) return candidate;
    }
  }
}

/** The first line of every module that is made. */
export function header(version: string, option: string): string {
  return `// Made by \`replicache-ext types${option}\` from replicache.describe() of replicache_ext ${version}. Do not edit it: make it again when the\n// database has changed.\n`;
}
