// What the operator does with announcements, and the log-in.

import type { MessageKey } from "../i18n/messages";
import { ApiError } from "../net/api";
import { saidApi } from "../net/said";
import type { Clip, Draft, FieldValue, Lint } from "../said";
import { bodyOf } from "../said";
import { tellFailure } from "./actions";
import { store } from "./store";

async function tried<T>(
  failure: MessageKey,
  work: () => Promise<T>,
): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    tellFailure(failure, error);
    return null;
  }
}

export async function loadAnnouncements(): Promise<void> {
  const announcements = await tried("failed.load", saidApi.all);
  if (announcements) store.dispatch({ type: "patch", patch: { announcements } });
}

/** Keeps a draft: a new announcement, or the next version of one. */
export async function saveDraft(draft: Draft): Promise<string | null> {
  const body = bodyOf(draft);
  const saved = await tried("failed.said", () =>
    draft.version === null
      ? saidApi.create(draft.id, body)
      : saidApi.change(draft.id, draft.version, body),
  );
  await loadAnnouncements();
  return saved?.id ?? null;
}

export async function approve(id: string, version: number): Promise<void> {
  await tried("failed.approve", () => saidApi.approve(id, version));
  await loadAnnouncements();
}

export async function withdraw(id: string, reason: string): Promise<void> {
  await tried("failed.withdraw", () => saidApi.withdraw(id, reason));
  await loadAnnouncements();
}

type Given = readonly FieldValue[];

export function listen(draft: Draft, given: Given): Promise<Clip | null> {
  return tried("failed.listen", () => saidApi.preview(bodyOf(draft), given));
}

export function listenTo(id: string): Promise<Clip | null> {
  return tried("failed.listen", () => saidApi.render(id));
}

/** Judged while it is typed: what fails here is told by saving, not twice. */
export async function judge(
  draft: Draft,
  given: Given,
  render: boolean,
): Promise<Lint | null> {
  try {
    return await saidApi.lint(bodyOf(draft), given, render);
  } catch (error) {
    if (error instanceof ApiError) return null;
    throw error;
  }
}

export function uploadRecording(file: File): Promise<Clip | null> {
  return tried("failed.upload", () => saidApi.upload(file));
}

// --- who is here -------------------------------------------------------------

export async function loadSession(): Promise<void> {
  try {
    const session = await saidApi.session();
    store.dispatch({ type: "patch", patch: { session } });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}

export async function logIn(key: string): Promise<boolean> {
  const session = await tried("failed.login", () => saidApi.logIn(key));
  if (!session) return false;
  store.dispatch({ type: "patch", patch: { session } });
  return true;
}

export async function logOut(): Promise<void> {
  const session = await tried("failed.login", saidApi.logOut);
  if (session) store.dispatch({ type: "patch", patch: { session } });
}
