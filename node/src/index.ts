export {createSync, type Sync} from './sync.js';
export {listen, type ListenOptions, type Poke} from './listen.js';
export {statusOf} from './http.js';
export {toNodeHandler} from './node.js';
export type {ArrayQuery, Database} from './database.js';
export {nobody, type Handler, type Nobody, type SyncOptions} from './options.js';
