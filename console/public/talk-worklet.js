// Collects the microphone into frames of 20 ms and hands them to the page.
class TalkFrames extends AudioWorkletProcessor {
  constructor() {
    super();
    this.frame = new Float32Array(960);
    this.filled = 0;
  }

  process(inputs) {
    const input = inputs[0]?.[0];
    if (!input) return true;
    for (let at = 0; at < input.length; ) {
      const room = Math.min(input.length - at, this.frame.length - this.filled);
      this.frame.set(input.subarray(at, at + room), this.filled);
      at += room;
      this.filled += room;
      if (this.filled === this.frame.length) {
        this.port.postMessage(this.frame, [this.frame.buffer]);
        this.frame = new Float32Array(960);
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("talk-frames", TalkFrames);
