// Lines and points at true height: MapLibre draws neither, so this is a custom
// layer that shares the depth buffer with the buildings.

import type {
  CustomLayerInterface,
  CustomRenderMethodInput,
  Map as GlMap,
} from "maplibre-gl";
import type { Rgba } from "./colors";
import type { Frame, Mat4, Vec3 } from "./frame";

export interface SceneLine {
  points: readonly Vec3[];
  color: Rgba;
  width_px: number;
  /** Length of a dash and its gap, metres; 0: whole. */
  dash_m: number;
}

export interface ScenePoint {
  at: Vec3;
  color: Rgba;
  size_px: number;
  /** A ring is told from a disc without colour. */
  ring: boolean;
}

const LINE_VERTEX = `#version 300 es
in vec2 corner;
in vec3 start;
in vec3 end;
in vec4 color;
in vec3 style;
uniform mat4 matrix;
uniform vec2 viewport;
out vec4 v_color;
out float v_along;
out float v_dash;
void main() {
  vec4 a = matrix * vec4(start, 1.0);
  vec4 b = matrix * vec4(end, 1.0);
  float near = 1e-4;
  if (a.w < near && b.w < near) { gl_Position = vec4(2.0, 2.0, 2.0, 1.0); return; }
  if (a.w < near) a = mix(b, a, (b.w - near) / (b.w - a.w));
  if (b.w < near) b = mix(a, b, (a.w - near) / (a.w - b.w));
  vec2 pa = a.xy / a.w * viewport;
  vec2 pb = b.xy / b.w * viewport;
  vec2 along = pb - pa;
  float length_px = max(length(along), 1e-3);
  along /= length_px;
  vec2 across = vec2(-along.y, along.x);
  vec4 p = corner.x < 0.5 ? a : b;
  float cap = corner.x < 0.5 ? -0.5 : 0.5;
  p.xy += (across * corner.y + along * cap) * style.x / viewport * p.w;
  p.z -= 2e-5 * p.w;
  gl_Position = p;
  v_color = color;
  v_along = style.y + (corner.x < 0.5 ? 0.0 : distance(start, end));
  v_dash = style.z;
}`;

const LINE_FRAGMENT = `#version 300 es
precision mediump float;
in vec4 v_color;
in highp float v_along;
in float v_dash;
uniform float fade;
out vec4 out_color;
void main() {
  if (v_dash > 0.0 && fract(v_along / v_dash) > 0.58) discard;
  float a = v_color.a * fade;
  out_color = vec4(v_color.rgb * a, a);
}`;

const POINT_VERTEX = `#version 300 es
in vec3 at;
in vec4 color;
in vec2 style;
uniform mat4 matrix;
uniform float zoom_scale;
out vec4 v_color;
out float v_ring;
out float v_size;
void main() {
  gl_Position = matrix * vec4(at, 1.0);
  gl_Position.z -= 1.5e-4 * gl_Position.w;
  v_size = max(2.0, style.x * zoom_scale);
  gl_PointSize = v_size;
  v_color = color;
  v_ring = style.y;
}`;

const POINT_FRAGMENT = `#version 300 es
precision mediump float;
in vec4 v_color;
in float v_ring;
in float v_size;
uniform float fade;
out vec4 out_color;
void main() {
  float r = length(gl_PointCoord - 0.5) * 2.0;
  float soft = 2.0 / v_size;
  float a = 1.0 - smoothstep(1.0 - soft, 1.0, r);
  if (v_ring > 0.5) a *= smoothstep(0.42 - soft, 0.42, r);
  a *= v_color.a * fade;
  if (a < 0.02) discard;
  out_color = vec4(v_color.rgb * a, a);
}`;

const LINE_FLOATS = 13;
const POINT_FLOATS = 9;

export function packLines(lines: readonly SceneLine[]): Float32Array<ArrayBuffer> {
  const segments = lines.reduce((n, one) => n + Math.max(0, one.points.length - 1), 0);
  const out = new Float32Array(segments * LINE_FLOATS);
  let at = 0;
  for (const line of lines) {
    let along = 0;
    for (let i = 1; i < line.points.length; i++) {
      const a = line.points[i - 1];
      const b = line.points[i];
      if (!a || !b) continue;
      out.set([...a, ...b, ...line.color, line.width_px, along, line.dash_m], at);
      along += Math.hypot(b[0] - a[0], b[1] - a[1], b[2] - a[2]);
      at += LINE_FLOATS;
    }
  }
  return out;
}

function packPoints(points: readonly ScenePoint[]): Float32Array<ArrayBuffer> {
  const out = new Float32Array(points.length * POINT_FLOATS);
  points.forEach((one, i) => {
    out.set([...one.at, ...one.color, one.size_px, Number(one.ring)], i * POINT_FLOATS);
  });
  return out;
}

type Gl = WebGL2RenderingContext;

function programOf(gl: Gl, vertex: string, fragment: string): WebGLProgram {
  const program = gl.createProgram();
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, vertex],
    [gl.FRAGMENT_SHADER, fragment],
  ] as const) {
    const shader = gl.createShader(kind);
    if (!shader) throw new Error("no shader");
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
    throw new Error(gl.getProgramInfoLog(program) ?? "shaders do not link");
  }
  return program;
}

/** One kind of mark: its program, buffers and what is in them. */
class Batch {
  readonly program: WebGLProgram;
  private readonly vao: WebGLVertexArrayObject;
  private readonly buffer: WebGLBuffer;
  private count = 0;

  constructor(
    private readonly gl: Gl,
    vertex: string,
    fragment: string,
    private readonly fields: readonly (readonly [string, number])[],
    private readonly instanced: boolean,
  ) {
    this.program = programOf(gl, vertex, fragment);
    this.vao = gl.createVertexArray();
    this.buffer = gl.createBuffer();
    gl.bindVertexArray(this.vao);
    if (instanced) this.bindCorners();
    this.bindFields();
    gl.bindVertexArray(null);
  }

  private bindCorners(): void {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    const corners = new Float32Array([0, -0.5, 1, -0.5, 0, 0.5, 1, 0.5]);
    gl.bufferData(gl.ARRAY_BUFFER, corners, gl.STATIC_DRAW);
    const at = gl.getAttribLocation(this.program, "corner");
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, 2, gl.FLOAT, false, 0, 0);
  }

  private bindFields(): void {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    const stride = this.fields.reduce((n, [, size]) => n + size, 0) * 4;
    let offset = 0;
    for (const [name, size] of this.fields) {
      const at = gl.getAttribLocation(this.program, name);
      gl.enableVertexAttribArray(at);
      gl.vertexAttribPointer(at, size, gl.FLOAT, false, stride, offset);
      if (this.instanced) gl.vertexAttribDivisor(at, 1);
      offset += size * 4;
    }
  }

  fill(data: Float32Array): void {
    const { gl } = this;
    const floats = this.fields.reduce((n, [, size]) => n + size, 0);
    this.count = data.length / floats;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW);
  }

  draw(uniforms: Record<string, number | readonly number[] | Float32Array>): void {
    if (this.count === 0) return;
    const { gl } = this;
    // biome-ignore lint/correctness/useHookAtTopLevel: WebGL's useProgram is no React hook
    gl.useProgram(this.program);
    for (const [name, value] of Object.entries(uniforms)) this.set(name, value);
    gl.bindVertexArray(this.vao);
    if (this.instanced) gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, this.count);
    else gl.drawArrays(gl.POINTS, 0, this.count);
    gl.bindVertexArray(null);
  }

  private set(name: string, value: number | readonly number[] | Float32Array): void {
    const at = this.gl.getUniformLocation(this.program, name);
    if (!at) return;
    if (typeof value === "number") this.gl.uniform1f(at, value);
    else if (value.length === 16) this.gl.uniformMatrix4fv(at, false, value);
    else this.gl.uniform2fv(at, value);
  }
}

/** Hidden behind a building: still there, faintly. */
const HIDDEN_FADE = 0.22;

export class Scene implements CustomLayerInterface {
  readonly type = "custom";
  readonly renderingMode = "3d";
  private map: GlMap | null = null;
  private lines: Batch | null = null;
  private points: Batch | null = null;
  private lineData = new Float32Array(0);
  private pointData = new Float32Array(0);
  private dirty = true;

  /**
   * `drawn` is called with the matrix of each frame, for what is placed over
   * the canvas.
   */
  constructor(
    readonly id: string,
    private readonly frame: () => Frame,
    private readonly drawn: (matrix: Mat4) => void = () => {},
  ) {}

  onAdd(map: GlMap, gl: Gl): void {
    this.map = map;
    this.dirty = true;
    this.lines = new Batch(
      gl,
      LINE_VERTEX,
      LINE_FRAGMENT,
      [
        ["start", 3],
        ["end", 3],
        ["color", 4],
        ["style", 3],
      ],
      true,
    );
    this.points = new Batch(
      gl,
      POINT_VERTEX,
      POINT_FRAGMENT,
      [
        ["at", 3],
        ["color", 4],
        ["style", 2],
      ],
      false,
    );
  }

  show(lines: readonly SceneLine[], points: readonly ScenePoint[]): void {
    this.lineData = packLines(lines);
    this.pointData = packPoints(points);
    this.dirty = true;
    this.map?.triggerRepaint();
  }

  render(gl: Gl, input: CustomRenderMethodInput): void {
    const { map, lines, points } = this;
    if (!map || !lines || !points) return;
    if (this.dirty) {
      lines.fill(this.lineData);
      points.fill(this.pointData);
      this.dirty = false;
    }
    const matrix = this.frame().matrix(input.defaultProjectionData.mainMatrix);
    const scale = window.devicePixelRatio || 1;
    const shared = {
      matrix: Float32Array.from(matrix),
      viewport: [gl.drawingBufferWidth / 2 / scale, gl.drawingBufferHeight / 2 / scale],
    };
    const zoom_scale =
      scale * Math.min(1.6, Math.max(0.45, 2 ** ((map.getZoom() - 17) / 2)));
    gl.disable(gl.CULL_FACE);
    gl.depthMask(false);
    lines.draw({ ...shared, fade: 1 });
    points.draw({ matrix: shared.matrix, zoom_scale, fade: 1 });
    gl.depthFunc(gl.GREATER);
    lines.draw({ ...shared, fade: HIDDEN_FADE });
    gl.depthFunc(gl.LEQUAL);
    gl.depthMask(true);
    this.drawn(matrix);
  }
}
