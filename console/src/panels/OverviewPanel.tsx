// All sites: what runs now, how reach goes over the days, what is open.

import { useEffect } from "react";
import { useWords } from "../i18n/i18n";
import {
  type Alert,
  type ExposureDay,
  type HouseholdDay,
  type SiteOverview,
  share,
  type TrendDay,
} from "../overview";
import { loadOverview } from "../state/overview";
import { useSelect } from "../state/store";
import { shortId } from "../state/views";
import { Fact, PhaseChip, Progress } from "../ui/parts";
import { GapBox } from "./GapBox";

const ALERTS_SHOWN = 12;
const HOUSEHOLDS_SHOWN = 8;
const AGAIN_MS = 30_000;
const BAR_W = 14;
const CHART_H = 44;

/** A bar a day: how much of what was promised was reached. */
function Trend({ days }: { days: TrendDay[] }) {
  const { t, percent } = useWords();
  if (days.length === 0) return <p className="muted">{t("overview.trend.none")}</p>;
  const width = days.length * BAR_W;
  const last = days[days.length - 1];
  return (
    <figure className="trend">
      <svg
        viewBox={`0 0 ${width} ${CHART_H}`}
        width={width}
        height={CHART_H}
        role="img"
        aria-label={t("overview.trend.label")}
      >
        <line x1="0" y1="1" x2={width} y2="1" className="trend-full" />
        {days.map((one, i) => {
          const tall = (one.ratio ?? 0) * (CHART_H - 2);
          return (
            <rect
              key={one.day}
              x={i * BAR_W + 2}
              y={CHART_H - tall}
              width={BAR_W - 4}
              height={tall}
              data-low={one.ratio !== null && one.ratio < 0.95}
            >
              <title>
                {`${one.day}: ${one.ratio === null ? "—" : percent(one.ratio)}, ${t("overview.runs", { n: one.runs })}`}
              </title>
            </rect>
          );
        })}
      </svg>
      <figcaption className="muted num">
        {last
          ? `${last.day}: ${last.ratio === null ? "—" : percent(last.ratio)} · ${t("overview.runs", { n: last.runs })}`
          : null}
      </figcaption>
    </figure>
  );
}

function Site({ site }: { site: SiteOverview }) {
  const { t, percent } = useWords();
  const s = site.situation;
  return (
    <section data-testid="site-overview">
      <h2>{site.name || site.site_id}</h2>
      <dl className="facts">
        <Fact
          name={t("overview.vehicles")}
          value={t("overview.vehicles.value", {
            live: s.vehicles_live,
            all: s.vehicles,
            out: s.vehicles_out,
          })}
        />
        <Fact name={t("overview.gaps")} value={s.gaps_open} />
        <Fact name={t("overview.missing")} value={s.households_missing} />
      </dl>
      {s.runs.length === 0 ? <p className="muted">{t("run.idle")}</p> : null}
      <ul className="runs-now">
        {s.runs.map((one) => (
          <li key={one.id}>
            <PhaseChip phase={one.phase} /> {shortId(one.id)}{" "}
            <span className="muted">{one.vehicles.join(", ")}</span>{" "}
            <span className="num">{percent(one.progress_ratio)}</span>
            <Progress ratio={one.progress_ratio} label={t("run.progress")} />
          </li>
        ))}
      </ul>
      <Trend days={site.trend} />
    </section>
  );
}

function AlertRow({ alert }: { alert: Alert }) {
  const { dateTime } = useWords();
  return (
    <li data-level={alert.level}>
      <span className="num muted">{dateTime(alert.ts_utc)}</span> {alert.text}
    </li>
  );
}

function HouseholdRow({ one, caps }: { one: HouseholdDay; caps: ExposureDay["caps"] }) {
  const { number, percent } = useWords();
  const had = share(one, caps);
  return (
    <tr data-full={had >= 1}>
      <th scope="row">{one.household}</th>
      <td className="num">{`${one.repeats}/${caps.repeats}`}</td>
      <td className="num">{`${number(one.laeq_24h_db, 0)} dB`}</td>
      <td className="num">{percent(Math.min(had, 9.99))}</td>
    </tr>
  );
}

function Exposure({ day }: { day: ExposureDay }) {
  const { t, number } = useWords();
  const rows = [...day.households].sort(
    (a, b) => share(b, day.caps) - share(a, day.caps),
  );
  return (
    <section data-testid="exposure">
      <h2>{t("exposure.title", { day: day.day })}</h2>
      <p className="muted">
        {t("exposure.caps", {
          repeats: day.caps.repeats,
          level: number(day.caps.laeq_24h_db, 0),
        })}
      </p>
      {rows.length === 0 ? (
        <p className="muted">{t("exposure.none")}</p>
      ) : (
        <table className="buildings">
          <thead>
            <tr>
              <th scope="col">{t("exposure.household")}</th>
              <th scope="col">{t("exposure.repeats")}</th>
              <th scope="col">{t("exposure.level")}</th>
              <th scope="col">{t("exposure.share")}</th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, HOUSEHOLDS_SHOWN).map((one) => (
              <HouseholdRow key={one.household} one={one} caps={day.caps} />
            ))}
          </tbody>
        </table>
      )}
      {rows.length > HOUSEHOLDS_SHOWN ? (
        <p className="muted">
          {t("evidence.more", { n: rows.length - HOUSEHOLDS_SHOWN })}
        </p>
      ) : null}
    </section>
  );
}

export function OverviewPanel() {
  const { t } = useWords();
  const overview = useSelect((s) => s.overview);
  const exposure = useSelect((s) => s.exposure);
  const site_id = useSelect((s) => s.site?.id ?? null);
  const told = useSelect((s) => s.followed);
  // biome-ignore lint/correctness/useExhaustiveDependencies: told asks again
  useEffect(() => {
    void loadOverview(site_id);
    const timer = setInterval(() => void loadOverview(site_id), AGAIN_MS);
    return () => clearInterval(timer);
  }, [site_id, told]);
  if (!overview) return <p className="empty">{t("app.loading")}</p>;
  return (
    <div className="scroll overview" data-testid="overview">
      <section>
        <h2>{t("overview.open")}</h2>
        {overview.gaps.length === 0 ? (
          <p className="muted">{t("overview.open.none")}</p>
        ) : null}
        {overview.gaps.map((one) => (
          <GapBox key={one.id} gap={one} />
        ))}
      </section>
      {overview.sites.map((one) => (
        <Site key={one.site_id} site={one} />
      ))}
      <section>
        <h2>{t("overview.alerts")}</h2>
        {overview.alerts.length === 0 ? (
          <p className="muted">{t("overview.alerts.none")}</p>
        ) : null}
        <ul className="alerts">
          {overview.alerts.slice(0, ALERTS_SHOWN).map((one) => (
            <AlertRow key={one.id} alert={one} />
          ))}
        </ul>
      </section>
      {exposure ? <Exposure day={exposure} /> : null}
    </div>
  );
}
