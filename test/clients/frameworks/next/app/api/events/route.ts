import {sync} from '../../sync';

export const GET = sync.events;
