import type { SpeakerState, Telemetry } from "../domain";
import { useWords, type Words } from "../i18n/i18n";
import { vehicleColor } from "../map/colors";
import { theMap } from "../map/MapView";
import { age_s, freshness, trouble } from "../state/rules";
import type { VehicleView } from "../state/state";
import { store, useSelect } from "../state/store";
import { Icon } from "../ui/Icon";
import { useNow } from "../ui/parts";
import { TalkButton } from "./TalkDialog";

/** Below this the battery is shown in the colour of trouble. */
const LOW_RATIO = 0.3;

function Battery({ ratio }: { ratio: number | null }) {
  const { t, percent } = useWords();
  if (ratio === null) return <span className="muted">—</span>;
  return (
    <span className="battery" data-low={ratio < LOW_RATIO} title={t("vehicle.battery")}>
      <span className="battery-cell" aria-hidden="true">
        <span style={{ width: `${Math.max(0, Math.min(1, ratio)) * 100}%` }} />
      </span>
      <span className="num">{percent(ratio)}</span>
    </span>
  );
}

function linkText(view: VehicleView, fresh: string, now_ms: number, w: Words): string {
  const age = w.age(age_s(view.heard_ms, now_ms));
  switch (fresh) {
    case "unheard":
      return w.t("vehicle.unheard");
    case "stale":
      return w.t("vehicle.stale", { age });
    case "lost":
      return w.t("vehicle.lost", { age });
    default:
      return w.t("link.LIVE");
  }
}

function troubleText(sample: Telemetry | null, w: Words): string | null {
  const what = trouble(sample);
  if (what === null) return null;
  return w.t(`vehicle.trouble.${what}`, { what: sample?.failsafe ?? "" });
}

function Figures({ sample }: { sample: Telemetry | null }) {
  const { t, number } = useWords();
  const unit = (value: number | null | undefined, suffix: string, digits = 0) =>
    value === null || value === undefined ? "—" : `${number(value, digits)} ${suffix}`;
  return (
    <dl className="vehicle-figures">
      {sample?.kind === "rover" ? null : (
        <div>
          <dt>{t("vehicle.height")}</dt>
          <dd className="num">{unit(sample?.up_m, "m")}</dd>
        </div>
      )}
      <div>
        <dt>{t("vehicle.speed")}</dt>
        <dd className="num">{unit(sample?.ground_speed_m_s, "m/s", 1)}</dd>
      </div>
      <div>
        <dt>{t("vehicle.battery")}</dt>
        <dd>
          <Battery ratio={sample?.battery_ratio ?? null} />
        </dd>
      </div>
    </dl>
  );
}

function Speaker({ state }: { state: SpeakerState | undefined }) {
  const { t } = useWords();
  if (!state) return null;
  return (
    <span className="speaker" data-phase={state.phase} title={state.reason ?? ""}>
      <Icon name={state.phase === "playing" ? "speaker" : "silence"} />
      {t(`speaker.${state.phase}`)}
    </span>
  );
}

function select(view: VehicleView): void {
  store.dispatch({ type: "patch", patch: { vehicle_id: view.entry.id } });
  const { lat_deg = null, lon_deg = null } = view.telemetry ?? {};
  if (lat_deg !== null && lon_deg !== null) theMap()?.showPlace(lon_deg, lat_deg);
}

function Card({ view, index }: { view: VehicleView; index: number }) {
  const words = useWords();
  const { t } = words;
  const live = useSelect((s) => s.live);
  const selected = useSelect((s) => s.vehicle_id === view.entry.id);
  const speaker = useSelect((s) => s.speakers[view.entry.speaker_id ?? ""]);
  const now_ms = useNow();
  const sample = view.telemetry;
  const fresh = freshness(view, live, Math.max(now_ms, view.heard_ms ?? 0));
  const problem = troubleText(sample, words);
  return (
    <li
      className="vehicle"
      data-freshness={fresh}
      data-vehicle={view.entry.id}
      data-selected={selected}
      style={{ "--vehicle": vehicleColor(index) } as React.CSSProperties}
    >
      <button
        type="button"
        className="vehicle-head"
        title={t("vehicle.follow")}
        aria-pressed={selected}
        onClick={() => select(view)}
      >
        <b>{view.entry.id}</b>
        <span className="muted">{t(`vehicle.${view.entry.kind}`)}</span>
        <span className="vehicle-link">{linkText(view, fresh, now_ms, words)}</span>
      </button>
      <p className="vehicle-mode">
        <span>{sample?.mode ?? "—"}</span>
        {sample?.armed == null ? null : (
          <span className="muted">
            {t(sample.armed ? "vehicle.armed" : "vehicle.disarmed")}
          </span>
        )}
        <span className="muted vehicle-sortie">{view.sortie ?? t("vehicle.idle")}</span>
      </p>
      <Figures sample={sample} />
      <div className="vehicle-voice">
        <Speaker state={speaker} />
        {view.entry.speaker_id ? <TalkButton vehicle_id={view.entry.id} /> : null}
      </div>
      {problem ? <p className="vehicle-trouble">{problem}</p> : null}
    </li>
  );
}

export function VehiclePanel() {
  const { t } = useWords();
  const vehicles = useSelect((s) => s.vehicles);
  const all = Object.values(vehicles);
  return (
    <section className="vehicles" aria-label={t("vehicles.title")}>
      <h2>
        {t("vehicles.title")} <span className="num muted">{all.length}</span>
      </h2>
      {all.length === 0 ? <p className="empty">{t("vehicles.none")}</p> : null}
      <ul>
        {all.map((one, i) => (
          <Card key={one.entry.id} view={one} index={i} />
        ))}
      </ul>
    </section>
  );
}
