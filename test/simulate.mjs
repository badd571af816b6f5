// bench/simulate.mjs with small numbers: the same seed gives the same result, and the results obey the laws of queues.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {costs} from '../bench/figures.mjs';
import {simulate} from '../bench/simulate.mjs';

const usual = {clients: 1_000, spaces: 100, pushes: 200, seconds: 4, seed: 1, cores: 4, backends: 4, shards: 1, zipf: 0, commit: 0.002, fanOut: 'pull_for'};
const run = options => simulate({...usual, ...options});
const near = (actual, expected, part, what) => assert.ok(Math.abs(actual - expected) <= part * expected, `${what}: ${actual}, expected ${expected}`);
const pushCpu = costs.push(1) * (1 + costs.poke) / 1e6;

test('the seed decides everything', () => {
  const options = {zipf: 1, pushes: 2_000, seconds: 1};
  assert.deepEqual(run(options), run(options));
  assert.notDeepEqual(run({...options, seed: 2}), run(options));
});

test('with little to do, everything is done at once, and costs what it costs', () => {
  for (const [fanOut, told] of [['pull', 10 * costs.pullOne], ['pull_for', 4 * costs.pullFor(10 / 4)]]) {
    const {done, refused, untold, saturated, seconds, cpu, push: [median]} = run({fanOut});
    assert.deepEqual([refused, saturated], [0, 0]);
    assert.ok(untold < 5, `${untold} not yet told`);
    near(done / seconds, 200, 0.1, 'pushes per second');
    near(cpu, done / seconds * (pushCpu + told / 1e6) / 4, 0.05, 'CPU');
    near(median / 1000, pushCpu + 0.002, 0.05, 'seconds of a push');
  }
});

test('more servers are not slower', () => {
  const results = [1, 2, 4].map(shards => run({shards, cores: 1, clients: 20_000, spaces: 1_000, pushes: 1_600, fanOut: 'pull', seconds: 2}));
  assert.ok(results[0].cpu > 0.99, `one server has too much to do: ${results[0].cpu}`);
  assert.ok(results[2].busiest < results[0].busiest);
  for (const [fewer, more] of [results.slice(0, 2), results.slice(1)]) {
    // A server that is too busy may let pushes wait so long that pulls wait less.
    for (const i of [0, 1]) assert.ok(more.push[i] + more.pull[i] <= fewer.push[i] + fewer.pull[i], `${more.push} and ${more.pull} after ${fewer.push} and ${fewer.pull}`);
    assert.ok(more.refused <= fewer.refused && more.done - more.untold > fewer.done - fewer.untold, 'more pushes are told');
  }
});

test('a hot space gets as many pushes as its lock allows', () => {
  const hot = {clients: 10, spaces: 1, pushes: 1_000, cores: 16};
  const {done, refused, seconds, saturated} = run(hot);
  near(done / seconds, 1 / (pushCpu + 0.002), 0.05, 'pushes per second');
  assert.ok(refused > 0);
  assert.equal(saturated, 1);
  const free = run({...hot, clock: 'transaction'});
  near(free.done / free.seconds, 1_000, 0.1, 'pushes per second without the lock');
  assert.equal(free.refused, 0);
  const limited = run({...hot, atOnce: 10});
  assert.ok(limited.push[1] < 50, `a limit in the backend keeps pushes quick: ${limited.push[1]} ms`);
});
