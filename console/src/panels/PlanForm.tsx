// What is to be planned, and how the planning goes.

import { type FormEvent, useEffect, useState } from "react";
import type { Job, PlanKind } from "../domain";
import { useWords } from "../i18n/i18n";
import type { PlanOrder } from "../net/api";
import { startPlan, stopPlan } from "../state/actions";
import { useSelect } from "../state/store";
import { Progress, Segmented } from "../ui/parts";

interface Options {
  announcement: string;
  zone: string;
  fleet: string;
  window: string;
  limit: string;
  seed: string;
  /** Values for the open fields of the announcement, by name. */
  fields: Record<string, string>;
}

const NO_OPTIONS: Options = {
  announcement: "",
  zone: "",
  fleet: "",
  window: "",
  limit: "",
  seed: "",
  fields: {},
};

/** Only what was filled in is sent; the service has the defaults. */
export function orderOf(
  mission_id: string,
  kind: PlanKind,
  options: Options,
): PlanOrder {
  const order: PlanOrder = { mission_id, kind };
  if (options.announcement) {
    order.announcement = options.announcement;
    const given = Object.entries(options.fields).filter(([, v]) => v.trim() !== "");
    const fields = given.map(([name, value]) => ({ name, value }));
    if (fields.length > 0) order.fields = fields;
  }
  if (options.zone) order.zone = options.zone;
  if (options.fleet) {
    order[kind === "drone" ? "drones" : "vehicles"] = Number(options.fleet);
  }
  if (options.window && kind === "drone") order.window = options.window;
  if (options.limit) order.time_limit_s = Number(options.limit);
  if (options.seed) order.seed = Number(options.seed);
  return order;
}

function NumberField({
  label,
  value,
  min = 1,
  max,
  onChange,
}: {
  label: string;
  value: string;
  min?: number;
  max: number;
  onChange(value: string): void;
}) {
  const { t } = useWords();
  return (
    <label className="field">
      <span>{label}</span>
      <input
        type="number"
        min={min}
        max={max}
        step={1}
        inputMode="numeric"
        placeholder={t("options.auto")}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    </label>
  );
}

/** The mission's own announcements, and those that were written here. */
function Message({
  options,
  change,
}: {
  options: Options;
  change(part: Partial<Options>): void;
}) {
  const { t } = useWords();
  const all = useSelect((s) => s.announcements);
  const own = useSelect(
    (s) => s.missions.find((one) => one.id === s.mission_id)?.announcements,
  );
  const may = all.filter(
    (one) => own?.includes(one.id) || (one.origin !== "mission" && !one.why_not),
  );
  const chosen = may.find((one) => one.id === options.announcement);
  if (may.length < 2) return null;
  return (
    <>
      <label className="field">
        <span>{t("plan.announcement")}</span>
        <select
          value={options.announcement}
          onChange={(event) => change({ announcement: event.target.value, fields: {} })}
        >
          <option value="">{t("plan.announcement.first")}</option>
          {may.map((one) => (
            <option key={one.id} value={one.id}>
              {one.title || one.id}
            </option>
          ))}
        </select>
      </label>
      {(chosen?.open_fields ?? []).map((name) => (
        <label className="field" key={name}>
          <span>{`{${name}}`}</span>
          <input
            required
            maxLength={120}
            value={options.fields[name] ?? ""}
            onChange={(event) =>
              change({ fields: { ...options.fields, [name]: event.target.value } })
            }
          />
        </label>
      ))}
    </>
  );
}

function OptionFields({
  kind,
  options,
  change,
}: {
  kind: PlanKind;
  options: Options;
  change(part: Partial<Options>): void;
}) {
  const { t } = useWords();
  const zones = useSelect((s) => s.site?.zones);
  return (
    <details className="options">
      <summary>{t("options.title")}</summary>
      <div className="grid-2">
        <label className="field">
          <span>{t("options.zone")}</span>
          <select
            value={options.zone}
            onChange={(event) => change({ zone: event.target.value })}
          >
            <option value="">{t("options.zone.all")}</option>
            {(zones ?? []).map((one) => (
              <option key={one.id} value={one.name || one.id}>
                {one.name || one.id}
              </option>
            ))}
          </select>
        </label>
        <NumberField
          label={t(kind === "drone" ? "options.drones" : "options.vehicles")}
          value={options.fleet}
          max={64}
          onChange={(fleet) => change({ fleet })}
        />
        {kind === "drone" ? (
          <label className="field">
            <span>{t("options.window")}</span>
            <select
              value={options.window}
              onChange={(event) => change({ window: event.target.value })}
            >
              <option value="">{t("options.auto")}</option>
              <option value="open">{t("window.open")}</option>
              <option value="tilted">{t("window.tilted")}</option>
              <option value="closed">{t("window.closed")}</option>
            </select>
          </label>
        ) : null}
        <NumberField
          label={t("options.limit")}
          value={options.limit}
          max={3600}
          onChange={(limit) => change({ limit })}
        />
        <NumberField
          label={t("options.seed")}
          min={0}
          value={options.seed}
          max={2 ** 31 - 1}
          onChange={(seed) => change({ seed })}
        />
      </div>
    </details>
  );
}

export function PlanForm() {
  const { t } = useWords();
  const mission_id = useSelect((s) => s.mission_id);
  const busy = useSelect((s) => s.pending.plan === true);
  const offline = useSelect((s) => s.live.phase !== "open");
  const [kind, setKind] = useState<PlanKind>("drone");
  const [options, setOptions] = useState(NO_OPTIONS);
  // Another mission has other zones and announcements.
  useEffect(() => {
    if (mission_id !== null) setOptions(NO_OPTIONS);
  }, [mission_id]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (mission_id !== null) void startPlan(orderOf(mission_id, kind, options));
  };
  return (
    <form className="make" onSubmit={submit}>
      <Segmented<PlanKind>
        label={t("plan.kind")}
        value={kind}
        options={[
          { value: "drone", text: t("kind.drone") },
          { value: "loop", text: t("kind.loop") },
        ]}
        onChange={setKind}
      />
      <Message
        options={options}
        change={(part) => setOptions({ ...options, ...part })}
      />
      <OptionFields
        kind={kind}
        options={options}
        change={(part) => setOptions({ ...options, ...part })}
      />
      <button
        type="submit"
        className="primary"
        disabled={busy || offline || mission_id === null}
      >
        {busy ? t("plan.making") : t("plan.make")}
      </button>
    </form>
  );
}

function JobFailed({ job }: { job: Job }) {
  const { t } = useWords();
  const lines = job.problem?.lines ?? [];
  return (
    <div className="card bad" role="alert">
      <strong>{t("plan.failed")}</strong>
      {lines.length === 0 ? <p>{job.text}</p> : null}
      <ul className="lines">
        {lines.map((one) => (
          <li key={one}>{one}</li>
        ))}
      </ul>
    </div>
  );
}

export function PlanJob() {
  const { t, duration } = useWords();
  const job = useSelect((s) => s.job);
  const stopping = useSelect((s) => s.pending["plan.stop"] === true);
  if (!job || job.state === "done") return null;
  if (job.state === "failed") return <JobFailed job={job} />;
  const { incumbent_s, bound_s } = job;
  return (
    <div className="job">
      <Progress ratio={job.progress_ratio ?? 0} label={t("plan.making")} />
      <p role="status">
        {job.state === "queued" ? t("plan.queued") : job.text || t("plan.making")}
      </p>
      {incumbent_s === null || bound_s === null ? null : (
        <p className="num">
          {t("plan.incumbent", {
            best: duration(incumbent_s),
            bound: duration(bound_s),
          })}
        </p>
      )}
      <button
        type="button"
        disabled={stopping}
        onClick={() => void stopPlan(job.job_id)}
      >
        {t("plan.stop")}
      </button>
    </div>
  );
}
