// A client in node that a test in Python drives: commands come as JSON lines, every snapshot and answer leaves as one.
// Its websockets can be cut, blocked and made to lose what the server answers.
import { createInterface } from "node:readline";

import { createClient } from "drena-client";
import WebSocket from "ws";

const options = JSON.parse(process.argv[2]);
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const sockets = new Set();
const net = { blocked: false, losing: null, opened: 0 };
let token = options.token;
let tokens = 0;

class Socket extends WebSocket {
  constructor(url, protocols) {
    super(net.blocked ? "ws://127.0.0.1:9" : url, protocols);
    net.opened += 1;
    sockets.add(this);
    this.on("close", (code) => {
      sockets.delete(this);
      say({ closed: code });
    });
  }

  set onmessage(listener) {
    super.onmessage = (event) => {
      const frame = JSON.parse(event.data);
      say({ heard: frame.t });
      if (frame.t === net.losing) this.terminate();
      else listener(event);
    };
  }
}

const client = createClient({
  feedUrl: options.feed,
  httpUrl: options.http,
  language: options.language ?? "pt",
  getToken: async () => (tokens += 1, token),
  world: { WebSocket: Socket },
});
const tell = () => say({ snapshot: client.getSnapshot() });
let unsubscribe = client.subscribe(tell, options.tenants);

const commands = {
  run: (what) => client.run(what),
  cancel: (id) => client.cancel(id),
  retry: (id) => client.retry(id),
  why: (id) => client.why(id),
  refetch: () => client.refetch().then(() => client.getSnapshot()),
  reconnect: () => client.reconnect(),
  request: ({ path, ...more }) => client.request(path, more).catch((error) => ({ problem: error.problem })),
  token: (fresh) => void (token = fresh),
  cut: () => sockets.forEach((socket) => socket.terminate()),
  block: (blocked) => void (net.blocked = blocked),
  lose: (type) => void (net.losing = type),
  count: () => ({ opened: net.opened, tokens, open: sockets.size }),
  leave: () => unsubscribe(),
  enter: () => void (unsubscribe = client.subscribe(tell, options.tenants)),
};

tell();
for await (const line of createInterface({ input: process.stdin })) {
  const { id, name, word } = JSON.parse(line);
  Promise.resolve(commands[name](word)).then((answer) => say({ id, answer: answer ?? null }));
}
process.exit(0);
