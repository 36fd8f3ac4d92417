// The live socket: reconnects by itself, and notices when it has gone quiet.

import { type LiveMessage, readLiveMessage } from "../domain";

export interface LiveHandlers {
  connecting(attempt: number): void;
  message(message: LiveMessage): void;
  /** A message that could not be read; the connection goes on. */
  unreadable(reason: string): void;
  lost(): void;
}

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 10_000;
/** A half-open connection delivers nothing and says nothing: start it anew. */
const QUIET_MS = 12_000;
const OPENING_MS = 8_000;

/**
 * Exponential backoff with full jitter, so that all consoles of a site do not
 * come back to a restarted service in one instant. Never below the first delay.
 */
export function backoff_ms(attempt: number, random: () => number): number {
  const ceiling = Math.min(
    LONGEST_DELAY_MS,
    FIRST_DELAY_MS * 2 ** Math.min(attempt, 16),
  );
  return FIRST_DELAY_MS + random() * (ceiling - FIRST_DELAY_MS);
}

export class LiveSocket {
  private socket: WebSocket | null = null;
  private attempt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  constructor(
    private readonly url: string,
    private readonly handlers: LiveHandlers,
    private readonly random: () => number = Math.random,
  ) {}

  open(): void {
    this.closed = false;
    this.connect();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.drop();
  }

  /** Try now instead of at the end of the backoff. */
  retryNow(): void {
    if (this.closed || this.socket?.readyState === WebSocket.OPEN) return;
    this.attempt = 0;
    this.drop();
    this.connect();
  }

  private connect(): void {
    clearTimeout(this.timer);
    this.handlers.connecting(this.attempt);
    const socket = new WebSocket(this.url);
    this.socket = socket;
    this.watch(OPENING_MS);
    socket.onmessage = (event) => {
      if (socket !== this.socket) return;
      this.attempt = 0;
      this.watch(QUIET_MS);
      this.receive(event.data);
    };
    socket.onclose = () => {
      if (socket === this.socket) this.fail();
    };
  }

  private receive(raw: unknown): void {
    try {
      const message = readLiveMessage(JSON.parse(String(raw)));
      if (message) this.handlers.message(message);
    } catch (error) {
      this.handlers.unreadable(error instanceof Error ? error.message : "unreadable");
    }
  }

  private watch(limit_ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fail(), limit_ms);
  }

  private fail(): void {
    this.drop();
    if (this.closed) return;
    this.handlers.lost();
    const delay = backoff_ms(this.attempt, this.random);
    this.attempt += 1;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.connect(), delay);
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }
}
