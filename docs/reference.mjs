// Writes docs/reference.md from the comments of the install script: `node docs/reference.mjs`. With --check it only tells whether the
// page is up to date.
import {readFileSync, readdirSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const docs = dirname(fileURLToPath(import.meta.url));
const source = join(docs, '../src/sql');
const page = join(docs, 'reference.md');

const parts = [
  ['20_setup.sql', 'Set-up'],
  ['25_describe.sql', 'Types for clients'],
  ['30_requests.sql', 'Sync'],
  ['35_moves.sql', 'Moves of spaces'],
  ['40_context.sql', 'Context'],
];

const unquote = text => text.replaceAll("''", "'");
const cell = text => text.replaceAll('|', '\\|');
// Markdown takes <pk> for a tag.
const paragraph = text => text.replace(/<([\w.]+)>/g, '‹$1›');

// The arguments of a signature, each with its name.
function parameters(text) {
  const list = [];
  let depth = 0, quoted = false, from = 0;
  const body = text.trim();
  for (let i = 0; i <= body.length; i++) {
    const c = body[i];
    if (c === "'") quoted = !quoted;
    if (!quoted && (c === '(' || c === '{')) depth++;
    if (!quoted && (c === ')' || c === '}')) depth--;
    if (i === body.length || (c === ',' && depth === 0 && !quoted)) {
      const parameter = body.slice(from, i).trim().replace(/\s+/g, ' ');
      if (parameter) list.push({name: parameter.split(' ')[0], text: parameter});
      from = i + 1;
    }
  }
  return list;
}

// The lines of a comment: what it does, then "argument: …", "Result: …" and so on. "a, b: …" is about two arguments.
function sections(comment, names) {
  const result = {text: [], arguments: [], rest: []};
  for (const line of comment.split('\n')) {
    const [, head, tail] = /^([\w, ]+): (.*)$/s.exec(line) ?? [];
    const known = head?.split(', ').every(name => names.includes(name));
    if (known) {
      // One line may have several: "request: …. user_id, space: …".
      const pattern = new RegExp(`(?<=[.;] )(?=(?:${names.join('|')})(?:, (?:${names.join('|')}))*: )`);
      for (const piece of line.split(pattern)) {
        const [, name, text] = /^([\w, ]+?): (.*)$/s.exec(piece);
        result.arguments.push([name, text.trim()]);
      }
    } else if (/^(Result|Errors|Rules|Result and errors)$/.test(head ?? '')) {
      result.rest.push([head, tail]);
    } else {
      result.text.push(line);
    }
  }
  return result;
}

function functionsOf(sql) {
  const found = [];
  const pattern = /CREATE FUNCTION replicache\.(\w+)\(([\s\S]*?)\)\s*RETURNS ([\s\S]*?)\s*LANGUAGE[\s\S]*?;\nCOMMENT ON FUNCTION replicache\.\1\([^)]*\) IS\s+'((?:[^']|'')*)'/g;
  for (const [, name, args, returns, comment] of sql.matchAll(pattern)) {
    if (/^(event_)?trigger$/.test(returns.trim())) continue;
    found.push({name, parameters: parameters(args), returns: returns.replace(/\s+/g, ' ').trim(), comment: unquote(comment)});
  }
  return found;
}

function render({name, parameters: list, returns, comment}) {
  const {text, arguments: args, rest} = sections(comment, list.map(parameter => parameter.name));
  const long = list.length > 2;
  const signature = `replicache.${name}(${long ? '\n' : ''}${list.map(({text: p}) => (long ? '    ' : '') + p).join(long ? ',\n' : ', ')}${long ? '\n' : ''}) RETURNS ${returns}`;
  const lines = [`### ${name}`, '', '```text', signature, '```', '', paragraph(text.join(' ')), ''];
  if (args.length) lines.push('| argument | |', '|---|---|', ...args.map(([n, t]) => `| ${n.split(', ').map(each => '`' + each + '`').join(', ')} | ${cell(paragraph(t))} |`), '');
  for (const [head, tail] of rest) {
    if (head !== 'Errors') {
      lines.push(`**${head}:** ${paragraph(tail)}`, '');
      continue;
    }
    const [errors, ...notices] = tail.split(/\. (?=[A-Z])/);
    lines.push('| SQLSTATE | raised when |', '|---|---|', ...errors.replace(/\.$/, '').split('; ').map(error => {
      const [, codes, why] = /^((?:class(?:es)? [0-9A-Z]{2}(?:(?:, | and )[0-9A-Z]{2})*)|[0-9A-Z]{5}(?:(?:, | or |, or )[0-9A-Z]{5})*)[ :]+(.*)$/.exec(error) ?? [null, '', error];
      return `| ${codes} | ${cell(why)} |`;
    }), '');
    for (const notice of notices) lines.push(notice.replace(/\.?$/, '.'), '');
  }
  return lines.join('\n');
}

const titles = parts.map(([file, title]) => ({title, sql: readFileSync(join(source, file), 'utf8')}));
const body = titles.map(({title, sql}) => {
  const [, first] = /^-- (.*)\n/.exec(sql);
  return [`## ${title}`, '', first, '', ...functionsOf(sql).map(render)].join('\n');
});
const index = titles.map(({title, sql}) => `- ${title}: ${[...new Set(functionsOf(sql).map(({name}) => `[${name}](#${name})`))].join(' · ')}`);
const text = `# Reference

This page lists all SQL functions. \`\\df+ replicache.*\` in psql shows the same texts. The page is generated from the comments in the install script: to change
it, edit [src/sql](../src/sql) and run \`node docs/reference.mjs\`. For settings, see [operations](operations.md#settings).

${index.join('\n')}

${body.join('\n')}`.replace(/\n+$/, '\n');

if (process.argv[2] !== '--check') {
  writeFileSync(page, text);
} else if (readFileSync(page, 'utf8') !== text) {
  console.error('docs/reference.md is not up to date: run node docs/reference.mjs');
  process.exit(1);
}
