// The microphone to a vehicle's loudspeaker: Opus packets over a socket.

import { nullable, number, object, oneOf, text, withDefault } from "../read";

const RATE_HZ = 48_000;
const FRAME_US = 20_000;
const BITRATE = 24_000;

/** Why talking is not possible here; the keys are those of the words. */
export type TalkLack = "insecure" | "microphone" | "encoder" | "denied";

export class TalkError extends Error {
  readonly lack: TalkLack;

  constructor(lack: TalkLack) {
    super(lack);
    this.lack = lack;
  }
}

/** What this browser lacks, before anything is asked for. */
export async function lack(): Promise<TalkLack | null> {
  if (!globalThis.isSecureContext) return "insecure";
  if (!navigator.mediaDevices?.getUserMedia) return "microphone";
  if (typeof AudioWorkletNode === "undefined") return "encoder";
  if (typeof AudioEncoder === "undefined") return "encoder";
  const { supported } = await AudioEncoder.isConfigSupported(OPUS);
  return supported ? null : "encoder";
}

const OPUS: AudioEncoderConfig = {
  codec: "opus",
  sampleRate: RATE_HZ,
  numberOfChannels: 1,
  bitrate: BITRATE,
  opus: { frameDuration: FRAME_US, application: "voip", signal: "voice" },
} as AudioEncoderConfig;

type Samples = (frame: Float32Array<ArrayBuffer>) => void;

/** An open microphone; frames go to whoever listens. */
export class Microphone {
  listener: Samples = () => {};
  readonly #stream: MediaStream;
  readonly #context: AudioContext;

  private constructor(stream: MediaStream, context: AudioContext) {
    this.#stream = stream;
    this.#context = context;
  }

  static async open(): Promise<Microphone> {
    const missing = await lack();
    if (missing) throw new TalkError(missing);
    const stream = await navigator.mediaDevices
      .getUserMedia({
        audio: { channelCount: 1, echoCancellation: true, autoGainControl: true },
      })
      .catch((error: unknown) => {
        const name = error instanceof DOMException ? error.name : "";
        throw new TalkError(name === "NotFoundError" ? "microphone" : "denied");
      });
    const context = new AudioContext({
      sampleRate: RATE_HZ,
      latencyHint: "interactive",
    });
    const mic = new Microphone(stream, context);
    await context.audioWorklet.addModule("/talk-worklet.js");
    const node = new AudioWorkletNode(context, "talk-frames", { numberOfOutputs: 0 });
    node.port.onmessage = (event: MessageEvent<Float32Array<ArrayBuffer>>) =>
      mic.listener(event.data);
    context.createMediaStreamSource(stream).connect(node);
    await context.resume();
    return mic;
  }

  close(): void {
    this.listener = () => {};
    for (const track of this.#stream.getTracks()) track.stop();
    void this.#context.close();
  }
}

export type TalkState =
  | { phase: "calling" }
  | { phase: "talking"; level: number }
  | { phase: "over"; reason: string | null; seconds: number; sha256: string | null }
  | { phase: "refused"; reason: string };

const answer = object({
  type: oneOf("ready", "heard", "ended", "refused"),
  detail: nullable(text),
  reason: nullable(text),
  sha256: nullable(text),
  seconds: withDefault(number, 0),
});

/** One talk: from the press of the button until it is over. */
export class Talk {
  readonly #socket: WebSocket;
  readonly #mic: Microphone;
  readonly #tell: (state: TalkState) => void;
  #encoder: AudioEncoder | null = null;
  #said_us = 0;
  #over = false;

  constructor(
    vehicle_id: string,
    authority: string,
    mic: Microphone,
    tell: (state: TalkState) => void,
  ) {
    this.#mic = mic;
    this.#tell = tell;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const path = `/api/v1/vehicles/${encodeURIComponent(vehicle_id)}/talk`;
    this.#socket = new WebSocket(`${scheme}://${location.host}${path}`);
    this.#socket.onopen = () => this.#socket.send(JSON.stringify({ authority }));
    this.#socket.onmessage = (event) => this.#heard(event.data);
    this.#socket.onclose = () => this.#end({ phase: "refused", reason: "" });
    tell({ phase: "calling" });
  }

  /** The talker lets go: what is in the encoder still goes out. */
  async release(): Promise<void> {
    this.#mic.listener = () => {};
    if (this.#encoder?.state === "configured") await this.#encoder.flush();
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send("end");
    else this.#socket.close();
  }

  #heard(raw: unknown): void {
    const told = answer(JSON.parse(String(raw)), "talk");
    if (told.type === "ready") this.#begin();
    if (told.type === "refused") {
      this.#end({ phase: "refused", reason: told.detail ?? "" });
    }
    if (told.type === "ended") {
      const { reason, seconds, sha256 } = told;
      this.#end({ phase: "over", reason, seconds, sha256 });
    }
  }

  #begin(): void {
    const encoder = new AudioEncoder({
      output: (chunk) => {
        const packet = new Uint8Array(chunk.byteLength);
        chunk.copyTo(packet);
        if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(packet);
      },
      error: () => this.#end({ phase: "refused", reason: "AudioEncoder" }),
    });
    encoder.configure(OPUS);
    this.#encoder = encoder;
    this.#mic.listener = (frame) => this.#say(encoder, frame);
    this.#tell({ phase: "talking", level: 0 });
  }

  #say(encoder: AudioEncoder, frame: Float32Array<ArrayBuffer>): void {
    if (encoder.state !== "configured") return;
    const data = new AudioData({
      format: "f32-planar",
      sampleRate: RATE_HZ,
      numberOfFrames: frame.length,
      numberOfChannels: 1,
      timestamp: this.#said_us,
      data: frame,
    });
    this.#said_us += FRAME_US;
    encoder.encode(data);
    data.close();
    let peak = 0;
    for (const value of frame) peak = Math.max(peak, Math.abs(value));
    this.#tell({ phase: "talking", level: peak });
  }

  #end(state: TalkState): void {
    if (this.#over) return;
    this.#over = true;
    this.#mic.listener = () => {};
    if (this.#encoder && this.#encoder.state !== "closed") this.#encoder.close();
    this.#socket.close();
    this.#tell(state);
  }
}
