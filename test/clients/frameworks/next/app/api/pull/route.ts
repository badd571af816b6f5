import {sync} from '../../sync';

export const POST = sync.pull;
