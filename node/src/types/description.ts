// What replicache.describe() returns. docs/typescript.md describes it.

export interface Description {
  format: number;
  version: string;
  mutators: {name: string; call: Call}[];
  queues: string[];
  queries: {name: string; call: Call}[];
  tables: Table[];
  types: Record<string, Type>;
}

export interface Call {
  function: string | null;
  comment: string | null;
  args: 'members' | 'whole';
  parameters: {name: string; type: string | null; default: string | null}[];
  strict: boolean;
  result: string | null;
}

export interface Column {
  name: string;
  type: string;
  nullable: boolean;
  default: string | null;
  generated: 'always' | 'by default' | null;
  comment: string | null;
}

export interface Table {
  schema: string;
  name: string;
  comment: string | null;
  primary_key: string[];
  columns: Column[];
  entries: Entries | null;
  exposed: Exposed | null;
}

export interface Entries {
  key: string;
  space: string | null;
  version: string;
  deleted: string | null;
  depends_on_user: boolean;
  custom: boolean;
  value: Shape;
}

/** What a JSON value is made of. The type null: it is not known. */
export type Shape =
  | {type: string | null; nullable: boolean}
  | {members: {name: string; value: Shape}[]; nullable: boolean};

export interface Exposed {
  name: string;
  operations: ('insert' | 'update' | 'delete')[];
  conflict: string;
  conflict_column: string | null;
  replace: boolean;
  columns: {name: string; column: string; writable: boolean}[];
}

export type Type =
  | {kind: 'base' | 'range' | 'pseudo'; json: 'boolean' | 'number' | 'string' | 'any'}
  | {kind: 'enum'; json: 'string' | 'any'; values: string[]; comment: string | null}
  | {kind: 'array'; of: string}
  | {kind: 'domain'; of: string; nullable: boolean; comment: string | null}
  | {kind: 'composite'; members: {name: string; type: string; nullable: boolean; comment: string | null}[]; comment: string | null};

/** A literal of a key template, and the column that follows it. The last piece may have no column. */
export interface Piece {
  literal: string;
  column: string | null;
}

/** `{column}` stands for a column, `{{` and `}}` for braces. */
export function piecesOf(template: string): Piece[] {
  const pieces: Piece[] = [];
  let literal = '';
  for (let i = 0; i < template.length; i++) {
    const c = template[i]!;
    if (c !== '{' && c !== '}') {
      literal += c;
    } else if (template[i + 1] === c) {
      literal += c;
      i++;
    } else {
      const end = template.indexOf('}', i);
      pieces.push({literal, column: template.slice(i + 1, end)});
      literal = '';
      i = end;
    }
  }
  if (literal) pieces.push({literal, column: null});
  return pieces;
}
