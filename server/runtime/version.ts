import { version } from '../../package.json';

/** Version of the program, part of every report and of every cache key. */
export const toolVersion: string = version;
