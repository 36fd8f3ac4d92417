import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import type { LiveMessage } from "./domain";
import { LiveSocket } from "./net/live";
import {
  chooseRun,
  loadDocsOfRuns,
  loadEverything,
  loadEvidence,
} from "./state/actions";
import { loadSession } from "./state/said";
import { ended } from "./state/state";
import { store } from "./state/store";
import "./styles/index.css";

function socketUrl(): string {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${location.host}/api/v1/live`;
}

/** What a message leads to besides what it changes in the store. */
function follow(message: LiveMessage): void {
  const before = store.get();
  store.dispatch({ type: "live", message, now_ms: performance.now() });
  // A service that was away may have new plans, runs and schedules.
  if (message.type === "hello") void loadEverything();
  if (message.type === "hello" || message.type === "run") void loadDocsOfRuns();
  if (message.type !== "run") return;
  const { state: run } = message.data;
  const known = before.runs[run.id];
  const chosen = before.run_id === null ? undefined : before.runs[before.run_id];
  const idle = !chosen || ended(chosen);
  // Started elsewhere or by a schedule: the dock must act on it.
  if (!known && !ended(run) && idle) void chooseRun(run.id);
  if (known && !ended(known) && ended(run)) void loadEvidence(run.id);
}

const socket = new LiveSocket(socketUrl(), {
  connecting: (attempt) => store.dispatch({ type: "connecting", attempt }),
  message: follow,
  unreadable: () => store.dispatch({ type: "unreadable" }),
  lost: () => {
    store.dispatch({ type: "lost" });
    void loadSession(); // it may be that somebody has to log in again
  },
});

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <App retry={() => socket.retryNow()} />
  </StrictMode>,
);
void loadSession();
socket.open();
window.addEventListener("online", () => socket.retryNow());
