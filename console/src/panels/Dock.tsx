import { useEffect } from "react";
import { useWords } from "../i18n/i18n";
import type { FleetCommand, RunCommand } from "../net/api";
import { chooseRun, commandFleet, commandRun } from "../state/actions";
import { activeRun, mayCommand, progressRatio } from "../state/rules";
import { useSelect } from "../state/store";
import { activeRuns, shortId } from "../state/views";
import { Icon } from "../ui/Icon";
import { PhaseChip, Progress, TwoStep } from "../ui/parts";
import { UrgentButton } from "./UrgentDialog";

function RunState() {
  const { t, percent } = useWords();
  const run = useSelect(activeRun);
  const others = useSelect(activeRuns);
  if (!run) {
    return <p className="dock-idle muted">{t("run.idle")}</p>;
  }
  const ratio = progressRatio(run);
  return (
    <div className="dock-run">
      <p>
        <PhaseChip phase={run.phase} />
        {others.length > 1 ? (
          <select
            aria-label={t("run.title")}
            value={run.id}
            onChange={(event) => void chooseRun(event.target.value)}
          >
            {others.map((one) => (
              <option key={one.id} value={one.id}>
                {shortId(one.id)}
              </option>
            ))}
          </select>
        ) : (
          <span className="muted" title={run.id}>
            {shortId(run.id)}
          </span>
        )}
        <span className="num dock-percent">{percent(ratio)}</span>
      </p>
      <Progress ratio={ratio} label={t("run.progress")} />
    </div>
  );
}

type Simple = Exclude<RunCommand, "stop" | "land">;

function RunButton({ command }: { command: Simple }) {
  const { t } = useWords();
  const run = useSelect(activeRun);
  const busy = useSelect((s) => s.pending[`run.${command}`] === true);
  return (
    <button
      type="button"
      className="dock-button"
      disabled={busy || !mayCommand(run, command)}
      title={t(`dock.${command}.help`)}
      onClick={() => run && void commandRun(run.id, command)}
    >
      <Icon name={command} />
      {t(`dock.${command}`)}
    </button>
  );
}

function LandButton() {
  const { t } = useWords();
  const run = useSelect(activeRun);
  const busy = useSelect((s) => s.pending["run.land"] === true);
  return (
    <TwoStep
      className="dock-button"
      disabled={busy || !mayCommand(run, "land")}
      title={t("dock.land.help")}
      sure={
        <>
          <Icon name="land" />
          {t("dock.land.sure")}
        </>
      }
      onConfirm={() => run && void commandRun(run.id, "land")}
    >
      <Icon name="land" />
      {t("dock.land")}
    </TwoStep>
  );
}

function FleetButton({ command }: { command: Exclude<FleetCommand, "stop"> }) {
  const { t } = useWords();
  const busy = useSelect((s) => s.pending[`fleet.${command}`] === true);
  const none = useSelect((s) => Object.keys(s.vehicles).length === 0);
  return (
    <button
      type="button"
      className="dock-button"
      disabled={busy || none}
      aria-label={`${t("dock.fleet")}: ${t(`dock.${command}`)}`}
      title={t(`dock.${command}.help`)}
      onClick={() => void commandFleet(command)}
    >
      <Icon name={command} />
      {t(`dock.${command}`)}
    </button>
  );
}

/**
 * One press, nothing asked: an emergency stop is a single action (ISO 13850,
 * 4.1), and it only makes vehicles halt where they are. What keeps it from
 * being pressed by accident is its place: a field of its own, apart from all
 * else, and the press counts when it is let go inside the button.
 */
function StopButtons() {
  const { t } = useWords();
  const run = useSelect(activeRun);
  const stoppingRun = useSelect((s) => s.pending["run.stop"] === true);
  const stoppingAll = useSelect((s) => s.pending["fleet.stop"] === true);
  return (
    <fieldset className="stops" aria-label="STOP">
      <button
        type="button"
        className="stop stop-run"
        disabled={!run}
        aria-busy={stoppingRun}
        title={t("dock.stop.run.help")}
        onClick={() => run && void commandRun(run.id, "stop")}
      >
        <Icon name="stop" />
        {t(stoppingRun ? "dock.stop.sending" : "dock.stop.run")}
      </button>
      <button
        type="button"
        className="stop stop-all"
        aria-busy={stoppingAll}
        aria-keyshortcuts="Shift+F8"
        title={t("dock.stop.help")}
        onClick={() => void commandFleet("stop")}
      >
        <Icon name="stop" />
        {t(stoppingAll ? "dock.stop.sending" : "dock.stop.fleet")}
      </button>
    </fieldset>
  );
}

function useStopKey(): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key !== "F8" || !event.shiftKey) return;
      event.preventDefault();
      void commandFleet("stop");
    };
    window.addEventListener("keydown", press, { capture: true });
    return () => window.removeEventListener("keydown", press, { capture: true });
  }, []);
}

export function Dock() {
  const { t } = useWords();
  useStopKey();
  return (
    <section className="dock" id="dock" aria-label={t("dock.label")} tabIndex={-1}>
      <RunState />
      <fieldset className="dock-group">
        <legend>{t("dock.run")}</legend>
        <RunButton command="hold" />
        <RunButton command="resume" />
        <RunButton command="return_home" />
        <RunButton command="change_battery" />
        <LandButton />
        <RunButton command="silence" />
      </fieldset>
      <fieldset className="dock-group">
        <legend>{t("dock.fleet")}</legend>
        <FleetButton command="hold" />
        <FleetButton command="return_home" />
        <FleetButton command="silence" />
        <UrgentButton />
      </fieldset>
      <StopButtons />
    </section>
  );
}
