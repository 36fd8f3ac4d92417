import { useEffect, useState } from "react";
import type { BuildingEvidence, Evidence } from "../domain";
import { useWords } from "../i18n/i18n";
import { ShareBar } from "../map/BuildingCard";
import { theMap } from "../map/MapView";
import type { GapHead } from "../overview";
import { loadEvidence, tellFailure } from "../state/actions";
import { loadGap } from "../state/overview";
import { ended } from "../state/state";
import { store, useSelect } from "../state/store";
import { type MissedFloor, missedFloors } from "../state/views";
import { Fact } from "../ui/parts";
import { GapBox } from "./GapBox";
import { Reach } from "./PlanSummaryView";

const MISSED_SHOWN = 60;

function useBuildingName(): (id: string | null) => string {
  const { t } = useWords();
  const buildings = useSelect((s) => s.site?.buildings);
  return (id) =>
    id === null
      ? t("evidence.outdoors")
      : buildings?.find((one) => one.id === id)?.name || id;
}

function pick(id: string | null): void {
  if (id === null) return;
  store.dispatch({
    type: "patch",
    patch: { building_id: id, coverage: "evidence" },
  });
  const one = store.get().site?.buildings.find((b) => b.id === id);
  const [lon, lat] = one?.center ?? [];
  if (lon !== undefined && lat !== undefined) theMap()?.showPlace(lon, lat);
}

function BuildingRow({ one }: { one: BuildingEvidence }) {
  const name = useBuildingName()(one.building_id);
  return (
    <tr>
      <th scope="row">
        {one.building_id === null ? (
          name
        ) : (
          <button type="button" className="link" onClick={() => pick(one.building_id)}>
            {name}
          </button>
        )}
      </th>
      <td>
        <ShareBar share={{ reached: one.reached, receivers: one.receivers }} />
      </td>
      <td className="num">{`${one.reached}/${one.receivers}`}</td>
      <td className="num">
        {one.households > 0 ? `${one.households_reached}/${one.households}` : "—"}
      </td>
    </tr>
  );
}

/** Those with something missed come first: they are what is left to do. */
function byMissed(a: BuildingEvidence, b: BuildingEvidence): number {
  return b.receivers - b.reached - (a.receivers - a.reached);
}

function Buildings({ evidence }: { evidence: Evidence }) {
  const { t } = useWords();
  return (
    <section>
      <h2>{t("evidence.buildings")}</h2>
      <table className="buildings">
        <thead>
          <tr>
            <th scope="col">{t("evidence.building")}</th>
            <th scope="col" colSpan={2}>
              {t("evidence.receivers")}
            </th>
            <th scope="col">{t("evidence.households")}</th>
          </tr>
        </thead>
        <tbody>
          {[...evidence.buildings].sort(byMissed).map((one) => (
            <BuildingRow key={one.building_id ?? ""} one={one} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function MissedRow({ one }: { one: MissedFloor }) {
  const { t, number } = useWords();
  const name = useBuildingName()(one.building_id);
  const sti = one.best_sti === null ? "" : number(one.best_sti, 2);
  const why = one.reasons.join("; ") || (sti && `${t("evidence.sti")} ≤ ${sti}`);
  return (
    <li>
      <p>
        <b>{name}</b>{" "}
        {one.floor === null
          ? t("evidence.ground")
          : t("evidence.floor", { n: one.floor })}
        <span className="num muted"> × {one.receivers}</span>
      </p>
      <p className="muted reasons" title={why}>
        {why}
      </p>
    </li>
  );
}

function Missed({ evidence }: { evidence: Evidence }) {
  const { t } = useWords();
  const missed = missedFloors(evidence);
  return (
    <section>
      <h2>{t("evidence.missed")}</h2>
      {missed.length === 0 ? (
        <p className="empty">{t("evidence.missed.none")}</p>
      ) : null}
      <ul className="missed">
        {missed.slice(0, MISSED_SHOWN).map((one) => (
          <MissedRow key={`${one.building_id} ${one.floor}`} one={one} />
        ))}
      </ul>
      {missed.length > MISSED_SHOWN ? (
        <p className="muted">
          {t("evidence.more", { n: missed.length - MISSED_SHOWN })}
        </p>
      ) : null}
    </section>
  );
}

/** What this run missed, and what is done about it. */
function Gap({ run_id }: { run_id: string }) {
  const [gap, setGap] = useState<GapHead | null>(null);
  const told = useSelect((s) => s.followed);
  // biome-ignore lint/correctness/useExhaustiveDependencies: told asks again
  useEffect(() => {
    let gone = false;
    loadGap(run_id)
      .then((found) => gone || setGap(found))
      .catch((error) => tellFailure("failed.load", error));
    return () => {
      gone = true;
    };
  }, [run_id, told]);
  if (!gap) return null;
  return (
    <section>
      <GapBox gap={gap} titled={false} />
    </section>
  );
}

function Report({ run_id }: { run_id: string }) {
  const { t } = useWords();
  const base = `/api/v1/evidence/${encodeURIComponent(run_id)}/report`;
  return (
    <p className="reports">
      {t("evidence.report")}:{" "}
      {["html", "json", "csv", "geojson"].map((form) => (
        <a key={form} href={`${base}.${form}`} target="_blank" rel="noreferrer">
          {form.toUpperCase()}
        </a>
      ))}
    </p>
  );
}

function Summary({ evidence }: { evidence: Evidence }) {
  const { t } = useWords();
  const s = evidence.summary;
  return (
    <section data-testid="evidence">
      <Reach reached={s.reached} total={s.reachable} label={t("evidence.heard")} />
      <dl className="facts">
        <Fact
          name={t("evidence.households")}
          value={`${s.households_reached} / ${s.households}`}
        />
        <Fact
          name={t("evidence.playbacks")}
          value={`${s.playbacks_complete} / ${s.playbacks}`}
        />
        {s.loops_completed > 0 ? (
          <Fact name={t("evidence.loops")} value={s.loops_completed} />
        ) : null}
      </dl>
      <Report run_id={evidence.run_id} />
      {evidence.notes.length > 0 ? (
        <details className="lines" data-tone="calm">
          <summary>{t("evidence.notes")}</summary>
          <ul>
            {evidence.notes.map((one) => (
              <li key={one}>{one}</li>
            ))}
          </ul>
        </details>
      ) : null}
    </section>
  );
}

export function EvidencePanel() {
  const { t } = useWords();
  const run = useSelect((s) => (s.run_id === null ? undefined : s.runs[s.run_id]));
  const evidence = useSelect((s) =>
    s.run_id === null ? undefined : s.evidence[s.run_id],
  );
  const id = run && ended(run) ? run.id : null;
  useEffect(() => {
    if (id !== null && !store.get().evidence[id]) void loadEvidence(id);
  }, [id]);
  if (!evidence) {
    return (
      <p className="empty">{t(id === null ? "evidence.none" : "evidence.pending")}</p>
    );
  }
  return (
    <div className="scroll">
      <Summary evidence={evidence} />
      <Gap run_id={evidence.run_id} />
      <Buildings evidence={evidence} />
      <Missed evidence={evidence} />
    </div>
  );
}
