// The pictures in examples/pictures. A test plays the story of a picture, and compares what its windows show with the text beside
// the picture. With PICTURES=1 it takes the picture and writes the text: `make pictures`. Pixels are not compared, since fonts differ.
import assert from 'node:assert/strict';
import {createHash} from 'node:crypto';
import {once} from 'node:events';
import {readFile, writeFile} from 'node:fs/promises';
import net from 'node:net';
import {test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';

const folder = new URL('../pictures/', import.meta.url);
const taking = Boolean(process.env.PICTURES);
const digest = bytes => createHash('sha256').update(bytes).digest('hex').slice(0, 16);
const escaped = text => text.replace(/[&<>"]/g, character => `&#${character.codePointAt(0)};`);

/** What a page shows, a line per element. Runs in the page. How it looks follows from this and from the style sheets. */
function describe() {
  const lines = [];
  (function walk(element, indent) {
    if (!element.checkVisibility({visibilityProperty: true})) return;
    const has = name => element.getAttribute(name) ?? '';
    const name = [element.localName + (element.id && `#${element.id}`), ...element.classList].join('.');
    const marks = [has('style'), element.checked && 'checked', element.disabled && 'disabled', element === document.activeElement && 'focus'].filter(Boolean);
    const text = [element.value || has('placeholder'), ...[...element.childNodes].filter(node => node.nodeType === Node.TEXT_NODE).map(node => node.data)]
      .join(' ').replace(/\s+/g, ' ').trim();
    lines.push(indent + name + marks.map(mark => ` [${mark}]`).join('') + (text && `: ${text}`));
    if (element.localName === 'svg') lines.push(`${indent}  ${element.innerHTML}`);
    else for (const child of element.children) walk(child, `${indent}  `);
  })(document.body, '  ');
  return lines.join('\n');
}

/** The style sheets and images of a page, with their digests. */
async function files(page) {
  const urls = await page.evaluate(() => [...document.querySelectorAll('link[rel=stylesheet], img')].map(({href, src}) => href ?? src));
  return Promise.all([...new Set(urls)].map(async url => `${new URL(url).pathname} ${digest(Buffer.from(await (await fetch(url)).arrayBuffer()))}`));
}

/** Several windows in one picture, with what happens below them. */
const layout = (windows, caption) => `<!doctype html><style>
  body { margin: 0; padding: 36px 36px ${caption ? 0 : 36}px; background: #dfe3ee; font: 17px/1.4 "Noto Sans", sans-serif; color: #1b1d28; width: max-content; }
  div { display: flex; gap: 36px; }
  img { display: block; border-radius: 14px; box-shadow: 0 8px 24px rgb(20 22 60 / 16%); }
  p { margin: 0; padding: 15px 0 17px; text-align: center; }
</style><div>${windows.map(({png, width}) => `<img width="${width}" src="data:image/png;base64,${png.toString('base64')}">`).join('')}</div>
${caption ? `<p>${escaped(caption)}</p>` : ''}`;

class Stage {
  #own;
  #windows = [];
  #frames = [];
  #size;
  #scale;
  #minute = 0;

  constructor(own, {width = 500, height = 560, scale = 1}) {
    this.#own = own;
    this.#size = {width, height};
    this.#scale = scale;
  }

  /** A window of a browser of its own. `open` gives the page. Its clock stands still. */
  async window(title, open, {colorScheme = 'light'} = {}) {
    const context = await this.#own.browser.newContext({
      viewport: this.#size, deviceScaleFactor: this.#scale, colorScheme, locale: 'en-GB', timezoneId: 'UTC', reducedMotion: 'reduce'});
    await context.clock.setFixedTime(this.#time());
    const page = await open(context);
    this.#windows.push({title, page, context, colorScheme, files: await files(page)});
    return page;
  }

  #time = () => new Date(Date.UTC(2026, 10, 30, 9, 41 + this.#minute));

  /** A minute later. */
  async later() {
    this.#minute += 1;
    for (const {context} of this.#windows) await context.clock.setFixedTime(this.#time());
  }

  /** What is to be seen now, for so many seconds of a moving picture. */
  async frame(caption = '', seconds = 1) {
    const shown = [];
    for (const {page} of this.#windows) shown.push(await page.evaluate(describe));
    const before = this.#frames.at(-1)?.shown;
    const text = this.#windows.map(({title}, i) => `${title}\n${shown[i] === before?.[i] ? '  as before' : shown[i]}`);
    this.#frames.push({caption, seconds, shown, text: [`## ${this.#frames.length + 1}${caption && `. ${caption} (${seconds} s)`}`, ...text].join('\n'), png: taking && await this.#shot(caption)});
  }

  async #shot(caption) {
    for (const {page} of this.#windows) await page.mouse.move(0, 0);
    await sleep(200); // what moves has come to rest
    const windows = [];
    for (const {page} of this.#windows) windows.push({png: await page.screenshot({animations: 'disabled'}), width: this.#size.width});
    const context = await this.#own.browser.newContext({deviceScaleFactor: this.#scale});
    const page = await context.newPage();
    await page.setContent(layout(windows, caption));
    const png = await page.locator('body').screenshot();
    await context.close();
    return png;
  }

  get frames() {
    return this.#frames;
  }

  text() {
    const windows = this.#windows.map(({title, colorScheme, files}) =>
      `${title}: ${this.#size.width} × ${this.#size.height}, ${colorScheme}, ${files.join(', ')}`);
    return [windows.join('\n'), ...this.#frames.map(({text}) => text), ''].join('\n\n');
  }
}

/** A way to the server at `url` that can be cut. A browser that is told to be offline keeps the connections that it has. */
export async function network(url) {
  const sockets = new Set();
  const relay = net.createServer(inner => {
    const outer = net.connect(new URL(url).port, '127.0.0.1');
    inner.pipe(outer).pipe(inner);
    for (const socket of [inner, outer]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => (inner.destroy(), outer.destroy(), sockets.delete(socket)));
    }
  }).listen(0, '127.0.0.1').unref();
  await once(relay, 'listening');
  return {
    url: `http://127.0.0.1:${relay.address().port}`,
    async cut(page) {
      await page.context().setOffline(true);
      for (const socket of sockets) socket.destroy();
    },
    mend: page => page.context().setOffline(false),
  };
}

/** Where two texts differ first. */
function difference(kept, now) {
  const [old, next] = [kept, now].map(text => text.split('\n'));
  const at = next.findIndex((line, i) => line !== old[i]);
  const i = at < 0 ? next.length : at;
  return `line ${i + 1}\n  the picture: ${old[i] ?? 'nothing'}\n  the page:    ${next[i] ?? 'nothing'}`;
}

/** A test that the picture of this name is what the example shows now. `story` is played on a stage. */
export function picture(own, name, options, story) {
  test(`picture ${name}: it shows what the example shows now`, {timeout: 90_000}, async () => {
    const stage = new Stage(own, options);
    await story(stage);
    const [file, beside] = [new URL(name, folder), new URL(`${name}.txt`, folder)];
    const text = async () => `${name} ${digest(await readFile(file).catch(() => ''))}\n${stage.text()}`;
    let kept = await readFile(beside, 'utf8').catch(() => '');
    if (taking && kept !== await text()) { // a picture of the same again would differ in some pixels
      const {encode} = await import('../pictures/encode.mjs');
      await writeFile(file, await encode(stage.frames));
      kept = await text();
      await writeFile(beside, kept);
    }
    const now = await text();
    assert.ok(kept === now, `examples/pictures/${name} is not what the example shows: run make pictures\n${difference(kept, now)}`);
  });
}
