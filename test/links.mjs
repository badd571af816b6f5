// The links of the documentation that lead nowhere: to a file that is not there, or to a heading that is not in it.
import {existsSync, readFileSync, readdirSync} from 'node:fs';
import {dirname, join, normalize} from 'node:path';

const prose = markdown => markdown.replace(/^```[^]*?^```/gm, '');

// As GitHub makes anchors of headings.
const anchor = heading => heading.trim().toLowerCase().replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[^\p{L}\p{N}_\- ]/gu, '').replaceAll(' ', '-');

function anchors(markdown) {
  return new Set([...prose(markdown).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchor(heading)));
}

/** @returns {string[]} a line for each, such as `docs/replicache_pull.md: push.md#no-such-heading` */
export function deadLinks(root) {
  const pages = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'bench/README.md', 'node/README.md', 'examples/README.md',
    ...['docs', 'docs/guides'].flatMap(folder => readdirSync(join(root, folder)).filter(name => name.endsWith('.md')).map(name => `${folder}/${name}`)),
    ...readdirSync(join(root, 'examples')).map(name => `examples/${name}/README.md`)].filter(page => existsSync(join(root, page)));
  const text = page => readFileSync(join(root, page), 'utf8');
  const dead = [];
  for (const page of pages) {
    for (const [, link] of prose(text(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [path, heading] = link.split('#');
      const target = path ? normalize(join(dirname(page), path)) : page;
      if (!existsSync(join(root, target)) || (heading && target.endsWith('.md') && !anchors(text(target)).has(heading))) dead.push(`${page}: ${link}`);
    }
  }
  return dead;
}
