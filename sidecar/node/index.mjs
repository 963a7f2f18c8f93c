// The same for `node --import`.
import preload from './index.js';

export const server = preload.server;
export default preload;
