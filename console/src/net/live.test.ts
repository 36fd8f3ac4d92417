import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { backoff_ms, LiveSocket } from "./live";

class FakeSocket {
  static readonly OPEN = 1;
  static made: FakeSocket[] = [];
  readyState = 0;
  closed = false;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;

  constructor(readonly url: string) {
    FakeSocket.made.push(this);
  }

  close() {
    this.closed = true;
  }

  say(value: unknown) {
    this.readyState = FakeSocket.OPEN;
    this.onmessage?.({
      data: typeof value === "string" ? value : JSON.stringify(value),
    });
  }
}

const HELLO = { type: "hello", data: { vehicles: [], runs: [] } };

function handlers() {
  return { connecting: vi.fn(), message: vi.fn(), unreadable: vi.fn(), lost: vi.fn() };
}

describe("backoff", () => {
  it("grows, is spread, and has an end", () => {
    expect(backoff_ms(0, () => 1)).toBe(500);
    expect(backoff_ms(3, () => 1)).toBe(4000);
    expect(backoff_ms(50, () => 1)).toBe(10_000);
    expect(backoff_ms(50, () => 0)).toBe(500);
  });
});

describe("live socket", () => {
  beforeEach(() => {
    FakeSocket.made = [];
    vi.useFakeTimers();
    vi.stubGlobal("WebSocket", FakeSocket);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  const last = () => FakeSocket.made.at(-1) as FakeSocket;

  it("passes on what it can read and counts what it cannot", () => {
    const told = handlers();
    new LiveSocket("ws://x", told).open();
    last().say(HELLO);
    last().say("no json");
    last().say({ type: "telemetry", data: {} });
    last().say({ type: "tomorrow", data: {} });
    expect(told.message).toHaveBeenCalledTimes(1);
    expect(told.unreadable).toHaveBeenCalledTimes(2);
    expect(told.lost).not.toHaveBeenCalled();
  });

  it("connects again after a close, later each time", () => {
    const told = handlers();
    new LiveSocket("ws://x", told, () => 1).open();
    last().onclose?.();
    expect(told.lost).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(499);
    expect(FakeSocket.made).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(FakeSocket.made).toHaveLength(2);
    last().onclose?.();
    vi.advanceTimersByTime(999);
    expect(FakeSocket.made).toHaveLength(2);
    vi.advanceTimersByTime(1);
    expect(FakeSocket.made).toHaveLength(3);
    expect(told.connecting).toHaveBeenLastCalledWith(2);
  });

  it("notices a connection that has gone quiet", () => {
    const told = handlers();
    new LiveSocket("ws://x", told).open();
    last().say(HELLO);
    vi.advanceTimersByTime(11_999);
    expect(told.lost).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(told.lost).toHaveBeenCalledTimes(1);
    expect(FakeSocket.made[0]?.closed).toBe(true);
  });

  it("ignores an old socket that speaks again", () => {
    const told = handlers();
    const live = new LiveSocket("ws://x", told);
    live.open();
    const old = last();
    const late = old.onmessage;
    old.onclose?.();
    live.retryNow();
    late?.({ data: JSON.stringify(HELLO) });
    expect(told.message).not.toHaveBeenCalled();
  });

  it("stays closed", () => {
    const told = handlers();
    const live = new LiveSocket("ws://x", told);
    live.open();
    live.close();
    vi.advanceTimersByTime(60_000);
    live.retryNow();
    expect(FakeSocket.made).toHaveLength(1);
    expect(told.lost).not.toHaveBeenCalled();
  });
});
