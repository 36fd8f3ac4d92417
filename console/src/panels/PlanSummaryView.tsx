import type { Plan, PlanSummary, Violation } from "../domain";
import { useWords, type Words } from "../i18n/i18n";
import { vehicleColor } from "../map/colors";
import { theMap } from "../map/MapView";
import { useSelect } from "../state/store";
import { sortieColors } from "../state/views";
import { Icon } from "../ui/Icon";
import { Fact } from "../ui/parts";

function facts(s: PlanSummary, w: Words): { name: string; value: string }[] {
  const rows: [string, string | null][] = [
    [w.t("plan.time"), s.mission_time_s === null ? null : w.duration(s.mission_time_s)],
    [w.t("plan.loop_time"), s.loop_time_s === null ? null : w.duration(s.loop_time_s)],
    [
      w.t("plan.households"),
      s.households > 0
        ? w.t("plan.reached.of", { reached: s.households_reached, total: s.households })
        : null,
    ],
    [w.t("plan.sorties"), w.number(s.sorties)],
    [w.t("plan.stations"), s.stations > 0 ? w.number(s.stations) : null],
    [w.t("plan.passes"), s.passes > 0 ? w.number(s.passes) : null],
    [w.t("plan.distance"), s.distance_m === null ? null : w.distance(s.distance_m)],
    [w.t("plan.deadhead"), s.deadhead_m === null ? null : w.distance(s.deadhead_m)],
    [
      w.t("plan.revisit"),
      s.max_revisit_s === null ? null : w.duration(s.max_revisit_s),
    ],
    [w.t("plan.gap"), s.gap === null ? null : `${w.number(100 * s.gap, 1)} %`],
    [w.t("plan.solve"), s.solve_s === null ? null : w.age(s.solve_s)],
  ];
  return rows.flatMap(([name, value]) => (value === null ? [] : [{ name, value }]));
}

export function Reach({
  reached,
  total,
  label,
}: {
  reached: number;
  total: number;
  label: string;
}) {
  const { percent } = useWords();
  const ratio = total > 0 ? reached / total : 0;
  return (
    <div className="reach" data-whole={total > 0 && reached === total}>
      <p className="reach-number num">{total > 0 ? percent(ratio) : "—"}</p>
      <p className="reach-label">
        <span className="num">{`${reached} / ${total}`}</span> {label}
      </p>
      <span className="share" aria-hidden="true">
        <span style={{ width: `${ratio * 100}%` }} />
      </span>
    </div>
  );
}

function Lines({
  title,
  lines,
  tone,
}: {
  title: string;
  lines: string[];
  tone: string;
}) {
  if (lines.length === 0) return null;
  return (
    <details className="lines" data-tone={tone} open={tone === "warn"}>
      <summary>
        {title} <span className="num">{lines.length}</span>
      </summary>
      <ul>
        {lines.map((one) => (
          <li key={one}>{one}</li>
        ))}
      </ul>
    </details>
  );
}

function Sorties({ plan }: { plan: Plan }) {
  const { t, duration, distance, percent } = useWords();
  const colors = useSelect((s) => (s.plan ? sortieColors(s, s.plan.id, plan) : []));
  return (
    <ul className="rows">
      {plan.sorties.map((one, i) => (
        <li key={one.id}>
          <i className="swatch" style={{ background: vehicleColor(colors[i] ?? i) }} />
          <b>{one.vehicle ? `${one.id} · ${one.vehicle}` : one.id}</b>
          <span className="num muted">
            {`${duration(one.duration_s)} · ${distance(one.distance_m)} · ${t(
              "sortie.energy",
              { n: percent(one.energy_ratio) },
            )}`}
          </span>
        </li>
      ))}
    </ul>
  );
}

export function PlanSummaryView({ plan }: { plan: Plan }) {
  const words = useWords();
  const { t } = words;
  const s = plan.summary;
  const unreachable = s.receivers - s.reachable;
  return (
    <div className="summary">
      {s.receivers > 0 ? (
        <Reach reached={s.reached} total={s.reachable} label={t("plan.reached")} />
      ) : null}
      {unreachable > 0 ? (
        <p className="muted">{t("plan.unreachable", { n: unreachable })}</p>
      ) : null}
      <dl className="facts">
        {facts(s, words).map((one) => (
          <Fact key={one.name} {...one} />
        ))}
      </dl>
      <Sorties plan={plan} />
      <Lines title={t("plan.warnings")} lines={plan.warnings} tone="warn" />
      <Lines title={t("plan.defaults")} lines={plan.defaults} tone="calm" />
    </div>
  );
}

function where(one: Violation, w: Words): string {
  if (one.sortie === null) return "";
  return one.seq === null
    ? w.t("gate.where.sortie", { sortie: one.sortie })
    : w.t("gate.where", { sortie: one.sortie, seq: one.seq });
}

function ViolationRow({ one }: { one: Violation }) {
  const words = useWords();
  return (
    <li className="violation" data-severity={one.severity}>
      <p>
        <b>{one.rule}</b> <span className="muted">{where(one, words)}</span>
      </p>
      <p>{one.reason}</p>
      {one.lat_deg === null ? null : (
        <button
          type="button"
          className="link"
          onClick={() => theMap()?.showViolation(one)}
        >
          {words.t("gate.show")}
        </button>
      )}
    </li>
  );
}

export function Gate({ violations }: { violations: Violation[] | null }) {
  const { t } = useWords();
  if (violations === null) {
    return <p className="gate">{t("gate.checking")}</p>;
  }
  const refused = violations.filter((one) => one.severity === "refuse");
  const advised = violations.length - refused.length;
  const state = refused.length > 0 ? "refused" : "clear";
  return (
    <div className="gate" data-state={state} role="status">
      <h2>
        <Icon name={state === "clear" ? "check" : "warn"} />
        {t("gate.title")}:{" "}
        {state === "clear" ? t("gate.clear") : t("gate.refused", { n: refused.length })}
        {advised > 0 ? ` · ${t("gate.advice", { n: advised })}` : ""}
      </h2>
      <ul>
        {[...refused, ...violations.filter((one) => one.severity === "advise")].map(
          (one) => (
            <ViolationRow
              key={`${one.sortie}/${one.seq}/${one.rule}/${one.reason}`}
              one={one}
            />
          ),
        )}
      </ul>
    </div>
  );
}
