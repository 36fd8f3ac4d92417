import { useWords } from "../i18n/i18n";
import { chooseMission, openPlan } from "../state/actions";
import { useSelect } from "../state/store";
import { LaunchBar } from "./LaunchDialog";
import { PlanForm, PlanJob } from "./PlanForm";
import { Gate, PlanSummaryView } from "./PlanSummaryView";

function MissionChoice() {
  const { t } = useWords();
  const missions = useSelect((s) => s.missions);
  const mission_id = useSelect((s) => s.mission_id);
  const loaded = useSelect((s) => s.loaded);
  if (loaded && missions.length === 0)
    return <p className="empty">{t("mission.none")}</p>;
  return (
    <label className="field">
      <span>{t("mission.title")}</span>
      <select
        value={mission_id ?? ""}
        onChange={(event) => void chooseMission(event.target.value)}
      >
        {mission_id === null ? <option value="">{t("app.loading")}</option> : null}
        {missions.map((one) => (
          <option key={one.id} value={one.id}>
            {one.name || one.id}
          </option>
        ))}
      </select>
    </label>
  );
}

function MissionText() {
  const mission = useSelect((s) => s.missions.find((one) => one.id === s.mission_id));
  const announcements = useSelect((s) => s.announcements);
  const ids = new Set(mission?.announcements ?? []);
  const texts = announcements
    .filter((one) => ids.has(one.id))
    .flatMap((one) =>
      one.utterances.map((u) => ({ ...u, key: `${one.id} ${u.lang}` })),
    );
  if (texts.length === 0) return null;
  return (
    <blockquote className="message">
      {texts.map((one) => (
        <p key={one.key} lang={one.lang}>
          {one.text}
        </p>
      ))}
    </blockquote>
  );
}

function PlanChoice() {
  const { t, stamp } = useWords();
  const site_id = useSelect((s) => s.site?.id);
  const plans = useSelect((s) => s.plans);
  const open = useSelect((s) => s.plan?.id ?? null);
  const here = plans.filter((one) => one.site_id === null || one.site_id === site_id);
  if (here.length === 0) return <p className="empty">{t("plan.none")}</p>;
  return (
    <label className="field">
      <span>{t("plan.open")}</span>
      <select
        value={open ?? ""}
        onChange={(event) => void openPlan(event.target.value)}
      >
        {open === null ? <option value="">—</option> : null}
        {here.map((one) => (
          <option key={one.id} value={one.id}>
            {`${t(`kind.${one.kind}`)} · ${stamp(one.created_utc)}`}
          </option>
        ))}
      </select>
    </label>
  );
}

export function PlanPanel() {
  const plan = useSelect((s) => s.plan);
  return (
    <>
      <div className="scroll">
        <section>
          <MissionChoice />
          <MissionText />
          <PlanForm />
          <PlanJob />
        </section>
        <section>
          <PlanChoice />
          {plan ? <PlanSummaryView plan={plan.doc} /> : null}
          {plan ? <Gate violations={plan.violations} /> : null}
        </section>
      </div>
      <LaunchBar />
    </>
  );
}
