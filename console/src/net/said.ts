// Calls about announcements, their sound, and who is logged in.

import { list } from "../read";
import * as s from "../said";
import { get, post, send, upload } from "./api";

const id = encodeURIComponent;
const RENDER_TIMEOUT_MS = 60_000;

type Body = ReturnType<typeof s.bodyOf>;
type Given = readonly { name: string; value: string }[];

export const saidApi = {
  all: () => get("/announcements", list(s.announcement)),
  create: (name: string, body: Body) =>
    post("/announcements", name ? { ...body, id: name } : body, s.announcement),
  change: (name: string, version: number, body: Body) =>
    send("PUT", `/announcements/${id(name)}`, { ...body, version }, s.announcement),
  approve: (name: string, version: number) =>
    post(`/announcements/${id(name)}/approve`, { version }, s.announcement),
  withdraw: (name: string, reason: string) =>
    post(`/announcements/${id(name)}/withdraw`, { reason }, s.announcement),
  lint: (body: Body, given: Given, render: boolean) =>
    post("/announcements/lint", { ...body, given, render }, s.lint, RENDER_TIMEOUT_MS),
  preview: (body: Body, given: Given) =>
    post("/announcements/preview", { ...body, given }, s.clip, RENDER_TIMEOUT_MS),
  render: (announcement_id: string) =>
    post("/clips", { announcement_id }, s.clip, RENDER_TIMEOUT_MS),
  upload: (file: File) =>
    upload(`/clips/recording?name=${id(file.name.slice(0, 100))}`, file, s.clip),
  session: () => get("/session", s.session),
  logIn: (key: string) => post("/session", { key }, s.session),
  logOut: () => send("DELETE", "/session", undefined, s.session),
};
