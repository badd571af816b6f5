// Types of the database as TypeScript: of values that clients get, and of arguments that they send.
import type {Call, Description, Shape, Type} from './description.js';
import {comment, literal, property, type Names} from './text.js';

// A text keeps digits that a number of JavaScript would lose.
const exact = new Set(['bigint', 'numeric']);

export class Expressions {
  private readonly names = new Map<string, string>();
  private readonly declared = new Map<string, string>();

  constructor(
    private readonly description: Description,
    private readonly free: Names,
  ) {}

  /** Enums and composite types that were used, each with a name. */
  declarations(): string {
    return [...this.declared.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text).join('\n');
  }

  value(shape: Shape, indent: string): string {
    if ('members' in shape) {
      const members = shape.members.map(({name, value}) => `${indent}  ${property(name)}: ${this.value(value, `${indent}  `)};\n`).join('');
      return orNull(members === '' ? 'Record<string, never>' : `Readonly<{\n${members}${indent}}>`, shape.nullable);
    }
    return shape.type === null ? 'ReadonlyJSONValue' : this.output(shape.type, shape.nullable);
  }

  output(name: string, nullable: boolean): string {
    const type = this.type(name);
    switch (type.kind) {
      case 'domain': return this.output(type.of, nullable);
      case 'array': return orNull(`ReadonlyArray<${this.output(type.of, this.mayBeNull(type.of))}>`, nullable);
      case 'composite': return orNull(this.composite(name, 'output'), nullable);
      case 'enum': return type.json === 'any' ? 'ReadonlyJSONValue' : orNull(this.enumeration(name), nullable);
      default: return type.json === 'any' ? 'ReadonlyJSONValue' : orNull(type.json, nullable);
    }
  }

  input(name: string | null, nullable: boolean): string {
    if (name === null) return 'ReadonlyJSONValue';
    const type = this.type(name);
    switch (type.kind) {
      case 'domain': return this.input(type.of, nullable);
      case 'array': return orNull(`ReadonlyArray<${this.input(type.of, this.mayBeNull(type.of))}>`, nullable);
      case 'composite': return orNull(this.composite(name, 'input'), nullable);
      case 'enum': return orNull(this.enumeration(name), nullable);
      default:
        if (exact.has(name)) return orNull('number | string', nullable);
        if (name === 'json' || name === 'jsonb') return 'ReadonlyJSONValue';
        return orNull(type.json === 'any' ? 'string' : type.json, nullable);
    }
  }

  /** The members of the args, a line each. Any parameter can be NULL. One is meant to be if its default is. */
  parameters({parameters}: Call): string[] {
    return parameters.map(({name, type, default: value}) =>
      `    ${property(name)}${value === null ? '' : '?'}: ${this.input(type, value !== null && /^NULL(::|$)/.test(value))};\n`);
  }

  /** The base type of a domain, and of a domain of a domain. */
  base(name: string): string {
    const type = this.type(name);
    return type.kind === 'domain' ? this.base(type.of) : name;
  }

  type(name: string): Type {
    const type = Object.hasOwn(this.description.types, name) ? this.description.types[name] : undefined;
    if (!type) throw new Error(`the description lacks the type ${name}`);
    return type;
  }

  private mayBeNull(name: string): boolean {
    const type = this.type(name);
    return type.kind !== 'domain' || type.nullable;
  }

  enumeration(name: string): string {
    const type = this.type(name);
    return this.declare(name, '', declared =>
      `${comment('comment' in type ? type.comment : null)}export type ${declared} = ${type.kind === 'enum' && type.values.length > 0 ? type.values.map(literal).join(' | ') : 'never'};\n`);
  }

  private composite(name: string, use: 'input' | 'output'): string {
    const type = this.type(name);
    if (type.kind !== 'composite') throw new Error(`${name} is no composite type`);
    return this.declare(name, use === 'input' ? 'Input' : '', declared => {
      const members = type.members.map(member => {
        const text = use === 'input' ? `?: ${this.input(member.type, member.nullable)}` : `: ${this.output(member.type, member.nullable)}`;
        return `${comment(member.comment, '  ')}  ${property(member.name)}${text};\n`;
      });
      const object = `{\n${members.join('')}}`;
      return `${comment(type.comment)}export type ${declared} = ${members.length === 0 ? 'Record<string, never>' : use === 'input' ? object : `Readonly<${object}>`};\n`;
    });
  }

  private declare(name: string, suffix: string, text: (declared: string) => string): string {
    const key = name + suffix;
    const known = this.names.get(key);
    if (known !== undefined) return known;
    // pg_catalog and public are left out, and so are quotes.
    const plain = name.replace(/^public\./, '').replaceAll('"', '');
    const declared = this.free.type(`${plain}_${suffix}`);
    this.names.set(key, declared);
    this.declared.set(declared, text(declared));
    return declared;
  }
}

function orNull(text: string, nullable: boolean): string {
  return nullable ? `${text} | null` : text;
}
