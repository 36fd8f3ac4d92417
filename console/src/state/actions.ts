// What the operator does: calls the service, and tells the store.

import type { RunState } from "../domain";
import type { MessageKey } from "../i18n/messages";
import {
  ApiError,
  api,
  type FleetCommand,
  type LaunchOrder,
  type PlanOrder,
  type RunCommand,
  type ScheduleCommand,
  type UrgentOrder,
} from "../net/api";
import { ReadError } from "../read";
import { siteOf } from "../site";
import { ended, type Notice } from "./state";
import { store } from "./store";

let notices = 0;

type Told = { tone: Notice["tone"]; title: MessageKey; lines?: string[] };

export function tell({ tone, title, lines = [] }: Told, sticky = false): number {
  notices += 1;
  const notice: Notice = { id: notices, tone, title, problem: null, lines, sticky };
  store.dispatch({ type: "notice", notice });
  if (!sticky) setTimeout(() => dismiss(notice.id), 8_000);
  return notice.id;
}

export function dismiss(id: number): void {
  store.dispatch({ type: "dismiss", id });
}

/** A refusal stays on screen until it was read. */
export function tellFailure(title: MessageKey, error: unknown): void {
  notices += 1;
  const problem = error instanceof ApiError ? error.problem : null;
  const lines = error instanceof ReadError ? [error.message] : [];
  store.dispatch({
    type: "notice",
    notice: { id: notices, tone: "bad", title, problem, lines, sticky: true },
  });
}

/** Run one command; while it is under way its button says so. */
export async function pending(
  name: string,
  failure: MessageKey,
  work: () => Promise<void>,
) {
  if (store.get().pending[name]) return;
  store.dispatch({ type: "pending", name, on: true });
  try {
    await work();
  } catch (error) {
    tellFailure(failure, error);
  } finally {
    store.dispatch({ type: "pending", name, on: false });
  }
}

/** The answer, and the moment of the question: the socket may overtake it. */
async function takeRuns(ask: () => Promise<RunState[]>): Promise<void> {
  const asked_ms = performance.now();
  store.dispatch({ type: "runs", runs: await ask(), asked_ms });
}

async function takeRun(ask: () => Promise<RunState>): Promise<RunState> {
  const asked_ms = performance.now();
  const run = await ask();
  store.dispatch({ type: "runs", runs: [run], asked_ms });
  return run;
}

// --- loading ---------------------------------------------------------------

/** Each list by itself: one that fails must not hide the others. */
export async function loadEverything(): Promise<void> {
  await Promise.all([
    part(async () => {
      const missions = await api.missions();
      store.dispatch({ type: "patch", patch: { missions } });
    }),
    part(async () => {
      const sites = await api.sites();
      store.dispatch({ type: "patch", patch: { sites } });
    }),
    part(async () => {
      const announcements = await api.announcements();
      store.dispatch({ type: "patch", patch: { announcements } });
    }),
    part(loadPlans),
    part(async () => {
      await takeRuns(api.runs);
    }),
    part(loadSchedules),
  ]);
  store.dispatch({ type: "patch", patch: { loaded: true } });
  await chooseFirst();
}

async function part(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    // Without an answer the banner of the lost connection says it all.
    if (error instanceof ApiError && error.unanswered) return;
    tellFailure("failed.load", error);
  }
}

export async function loadPlans(): Promise<void> {
  store.dispatch({ type: "patch", patch: { plans: await api.plans() } });
}

export async function loadSchedules(): Promise<void> {
  store.dispatch({ type: "patch", patch: { schedules: await api.schedules() } });
}

/** What an operator who opens the console wants to see first. */
async function chooseFirst(): Promise<void> {
  const { missions, runs, run_id, mission_id, sites } = store.get();
  const run = run_id === null ? undefined : runs[run_id];
  if (run && !ended(run)) {
    store.dispatch({ type: "patch", patch: { tab: "run" } });
    await chooseRun(run.id);
  }
  if (mission_id !== null) return;
  const mission = missions.find((one) => one.site_id === store.get().site?.id);
  const first = mission ?? missions[0];
  if (first) await chooseMission(first.id);
  else if (sites[0]) await showSite(sites[0].id);
}

export async function showSite(site_id: string): Promise<void> {
  if (store.get().site?.id === site_id) return;
  const entry = store.get().sites.find((one) => one.id === site_id);
  if (!entry) return;
  await part(async () => {
    const { features } = await api.site(site_id);
    store.dispatch({
      type: "patch",
      patch: { site: siteOf(entry, features), building_id: null },
    });
  });
}

export async function chooseMission(mission_id: string): Promise<void> {
  const mission = store.get().missions.find((one) => one.id === mission_id);
  if (!mission) return;
  store.dispatch({ type: "patch", patch: { mission_id } });
  await showSite(mission.site_id);
  const { plan, plans } = store.get();
  if (plan && plan.doc.site_id === mission.site_id) return;
  const latest = plans.find((one) => one.site_id === mission.site_id);
  if (latest) await openPlan(latest.id);
  else store.dispatch({ type: "patch", patch: { plan: null } });
}

export async function openPlan(plan_id: string): Promise<void> {
  if (store.get().plan?.id === plan_id) return;
  await part(async () => {
    const doc = store.get().docs[plan_id] ?? (await api.plan(plan_id));
    store.dispatch({
      type: "patch",
      patch: { plan: { id: plan_id, doc, violations: null }, coverage: "plan" },
    });
    if (doc.site_id !== null) await showSite(doc.site_id);
    await checkPlan(plan_id);
  });
}

const loading = new Set<string>();

/** All runs under way are drawn, not only the one that was chosen. */
export async function loadDocsOfRuns(): Promise<void> {
  const { runs, docs } = store.get();
  const wanted = Object.values(runs)
    .filter((one) => !ended(one))
    .map((one) => one.plan_id)
    .filter((one) => !docs[one] && !loading.has(one));
  await Promise.all([...new Set(wanted)].map(loadDoc));
}

async function loadDoc(plan_id: string): Promise<void> {
  loading.add(plan_id);
  await part(async () => {
    store.dispatch({ type: "doc", plan_id, doc: await api.plan(plan_id) });
  });
  loading.delete(plan_id);
}

export async function checkPlan(plan_id: string): Promise<void> {
  await part(async () => {
    const { violations } = await api.check(plan_id);
    store.dispatch({ type: "violations", plan_id, violations });
  });
}

export async function chooseRun(run_id: string): Promise<void> {
  store.dispatch({ type: "patch", patch: { run_id } });
  const run = store.get().runs[run_id];
  if (!run) return;
  await Promise.all([
    openPlan(run.plan_id),
    part(async () => {
      store.dispatch({ type: "run_events", events: await api.runEvents(run_id) });
    }),
    part(async () => {
      store.dispatch({ type: "track", points: await api.track(run_id) });
    }),
    part(async () => {
      store.dispatch({ type: "playbacks", playbacks: await api.playbacks(run_id) });
    }),
    ended(run) ? loadEvidence(run_id) : Promise.resolve(),
  ]);
}

const EVIDENCE_TRIES = 8;
const asking = new Set<string>();

/** The proof comes some moments after the end of a run. */
export async function loadEvidence(run_id: string): Promise<void> {
  if (asking.has(run_id)) return;
  asking.add(run_id);
  try {
    await askForEvidence(run_id);
  } finally {
    asking.delete(run_id);
  }
}

async function askForEvidence(run_id: string): Promise<void> {
  for (let i = 0; i < EVIDENCE_TRIES; i++) {
    try {
      const evidence = await api.evidence(run_id);
      store.dispatch({ type: "evidence", evidence });
      return;
    } catch (error) {
      const missing = error instanceof ApiError && error.problem.status === 404;
      if (!missing) return tellFailure("failed.load", error);
    }
    await pause(700 * (i + 1));
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

// --- planning ----------------------------------------------------------------

export function startPlan(order: PlanOrder): Promise<void> {
  return pending("plan", "failed.plan", async () => {
    const { job_id } = await api.startPlan(order);
    store.dispatch({
      type: "patch",
      patch: {
        job: {
          job_id,
          state: "queued",
          progress_ratio: 0,
          text: "",
          plan_id: null,
          problem: null,
          incumbent_s: null,
          bound_s: null,
        },
      },
    });
    await followJob(job_id);
  });
}

export function stopPlan(job_id: string): Promise<void> {
  return pending("plan.stop", "failed.plan_stop", async () => {
    const job = await api.stopJob(job_id);
    store.dispatch({ type: "patch", patch: { job } });
  });
}

/** The socket tells of progress; asking now and then survives its loss. */
async function followJob(job_id: string): Promise<void> {
  for (;;) {
    const job = store.get().job;
    if (job?.job_id !== job_id) return;
    if (job.state === "done" || job.state === "failed") break;
    await pause(500);
    try {
      const told = await api.job(job_id);
      store.dispatch({ type: "patch", patch: { job: told } });
    } catch (error) {
      if (!(error instanceof ApiError && error.unanswered)) throw error;
    }
  }
  await finishJob();
}

async function finishJob(): Promise<void> {
  const plan_id = store.get().job?.plan_id;
  if (!plan_id) return;
  await loadPlans();
  await openPlan(plan_id);
}

// --- running -----------------------------------------------------------------

export function launch(order: LaunchOrder): Promise<void> {
  return pending("launch", "failed.launch", async () => {
    const run = await takeRun(() => api.launch(order));
    store.dispatch({ type: "patch", patch: { tab: "run" } });
    await chooseRun(run.id);
  });
}

export function commandRun(run_id: string, command: RunCommand): Promise<void> {
  if (command === "stop") return stopRun(run_id);
  return pending(`run.${command}`, `failed.${command}`, async () => {
    await takeRun(() => api.commandRun(run_id, command));
  });
}

export function commandFleet(command: FleetCommand): Promise<void> {
  if (command === "stop") return stopFleet();
  return pending(`fleet.${command}`, `failed.${command}`, async () => {
    const { vehicles } = await api.commandFleet(command);
    report(vehicles, "told.fleet");
  });
}

export function announceUrgent(order: UrgentOrder): Promise<void> {
  return pending("fleet.announce", "failed.urgent", async () => {
    const { vehicles, advice } = await api.announceUrgent(order);
    report(vehicles, "told.urgent");
    if (advice.length > 0)
      tell({ tone: "bad", title: "told.exposure", lines: advice }, true);
  });
}

function report(vehicles: Record<string, string>, title: MessageKey): void {
  const answers = Object.entries(vehicles);
  const failed = answers.filter(([, answer]) => answer !== "ok");
  const lines = (failed.length > 0 ? failed : answers).map(([id, a]) => `${id}: ${a}`);
  if (failed.length > 0) tell({ tone: "bad", title: "failed.some", lines }, true);
  else tell({ tone: "good", title, lines });
}

const STOP_TRIES = 5;

/**
 * STOP is asked for until the service answers: it does no harm twice. When it
 * cannot be delivered the operator must know at once that it was not.
 */
async function insist(name: string, order: () => Promise<void>): Promise<void> {
  if (store.get().pending[name]) return;
  store.dispatch({ type: "pending", name, on: true });
  try {
    for (let left = STOP_TRIES; left > 0; left--) {
      try {
        return await order();
      } catch (error) {
        const answered = error instanceof ApiError && !error.unanswered;
        if (answered || left === 1) return tellFailure("failed.stop", error);
        if (left === STOP_TRIES) tell({ tone: "bad", title: "failed.stop_yet" });
      }
      await pause(300);
    }
  } finally {
    store.dispatch({ type: "pending", name, on: false });
  }
}

function stopRun(run_id: string): Promise<void> {
  return insist("run.stop", async () => {
    await takeRun(() => stopOrEnded(run_id));
    tell({ tone: "warn", title: "told.stop_run", lines: [run_id] });
  });
}

/** An order whose answer got lost may have done its work: then all is well. */
async function stopOrEnded(run_id: string): Promise<RunState> {
  try {
    return await api.commandRun(run_id, "stop");
  } catch (error) {
    if (!(error instanceof ApiError) || error.problem.status !== 409) throw error;
    const run = await api.run(run_id);
    if (ended(run)) return run;
    throw error;
  }
}

function stopFleet(): Promise<void> {
  return insist("fleet.stop", async () => {
    const { vehicles } = await api.commandFleet("stop");
    report(vehicles, "told.stop_fleet");
  });
}

export function commandSchedule(id: string, command: ScheduleCommand): Promise<void> {
  return pending(`schedule.${id}.${command}`, "failed.schedule", async () => {
    await api.commandSchedule(id, command);
    await loadSchedules();
  });
}
