// What is done about runs that have ended: look, plan the rest, take notes.

import { ApiError, api } from "../net/api";
import type { GapHead } from "../overview";
import { loadPlans, openPlan, pending, tell, tellFailure } from "./actions";
import { store } from "./store";

export async function loadOverview(site_id: string | null): Promise<void> {
  try {
    const overview = await api.overview();
    store.dispatch({ type: "patch", patch: { overview } });
    if (site_id !== null) {
      const exposure = await api.exposure(site_id);
      store.dispatch({ type: "patch", patch: { exposure } });
    }
  } catch (error) {
    tellFailure("failed.load", error);
  }
}

/** The gap that belongs to a run; null: it missed nobody, or none is known. */
export async function loadGap(run_id: string): Promise<GapHead | null> {
  try {
    const gaps = await api.gaps();
    return gaps.find((one) => one.id === run_id) ?? null;
  } catch (error) {
    // A service that does not follow runs up says so with one of these.
    const status = error instanceof ApiError ? error.problem.status : null;
    if (status === 404 || status === 409) return null;
    throw error;
  }
}

const JOB_MS = 500;

function refusal(why: string): ApiError {
  return new ApiError({
    title: why,
    status: 422,
    detail: why,
    faults: [],
    violations: [],
  });
}

async function finished(job_id: string): Promise<string> {
  for (;;) {
    const job = await api.job(job_id);
    if (job.state === "done" && job.plan_id) return job.plan_id;
    if (job.state === "failed") throw refusal(job.text);
    await new Promise((done) => setTimeout(done, JOB_MS));
  }
}

/** Plan what is missing still, and open that plan. */
export async function planRest(run_id: string): Promise<void> {
  await pending(`rerun.${run_id}`, "failed.rerun", async () => {
    const { job_id } = await api.rerun(run_id, false);
    const plan_id = await finished(job_id);
    await loadPlans();
    await openPlan(plan_id);
    store.dispatch({ type: "patch", patch: { tab: "plan" } });
    tell({ tone: "good", title: "gap.planned", lines: [plan_id] });
  });
}

/** Plan what is missing still and launch it. */
export async function flyRest(run_id: string): Promise<void> {
  await pending(`rerun.${run_id}`, "failed.rerun", async () => {
    const { job_id } = await api.rerun(run_id, true);
    await finished(job_id);
    tell({ tone: "info", title: "gap.flying" });
  });
}

export async function noteGap(
  run_id: string,
  verb: "acknowledge" | "close",
  text: string,
): Promise<void> {
  await pending(`gap.${run_id}`, "failed.gap", async () => {
    await api.noteGap(run_id, verb, text);
    store.dispatch({ type: "followed" });
  });
}
