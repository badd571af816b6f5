// Keeps the page itself for when there is no network; its data is Replicache's business.
const files = ['./', 'app.js', 'style.css', 'icon.svg'];

self.addEventListener('install', event => {
  self.skipWaiting();
  event.waitUntil(caches.open('page').then(cache => cache.addAll(files)));
});

self.addEventListener('activate', event => event.waitUntil(self.clients.claim()));

self.addEventListener('fetch', event => {
  const {request} = event;
  if (request.method !== 'GET' || new URL(request.url).pathname.startsWith('/api/')) return;
  event.respondWith(load(request));
});

async function load(request) {
  try {
    const response = await fetch(request);
    if (response.ok) await (await caches.open('page')).put(request, response.clone());
    return response;
  } catch (error) {
    const kept = await caches.match(request);
    if (kept) return kept;
    throw error;
  }
}
