import {sync} from '../../sync';

export const POST = sync.push;
