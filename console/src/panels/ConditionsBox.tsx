// Weather as people enter it, and airspace that is closed for a time.

import { type FormEvent, useCallback, useEffect, useState } from "react";
import { useWords } from "../i18n/i18n";
import { type Notice, timetable, type Weather } from "../net/timetable";
import { pending } from "../state/actions";
import { useSelect } from "../state/store";
import { TwoStep } from "../ui/parts";

const FIELDS = ["wind_m_s", "gust_m_s", "rain_mm_h"] as const;
const HOUR_MS = 3_600_000;

export function ConditionsBox() {
  const { t, dateTime } = useWords();
  const site_id = useSelect(
    (s) => s.missions.find((one) => one.id === s.mission_id)?.site_id,
  );
  const [reports, setReports] = useState<Weather[]>([]);
  const [notices, setNotices] = useState<Notice[]>([]);
  const [given, setGiven] = useState<Record<string, string>>({});
  const [hours, setHours] = useState("2");
  const load = useCallback(async () => {
    if (site_id) setReports(await timetable.weather(site_id));
    setNotices(await timetable.notices());
  }, [site_id]);
  useEffect(() => {
    void load().catch(() => undefined);
  }, [load]);
  if (!site_id) return null;
  const enter = (event: FormEvent) => {
    event.preventDefault();
    const filled = Object.entries(given).filter(([, value]) => value.trim() !== "");
    const body = Object.fromEntries(filled.map(([name, v]) => [name, Number(v)]));
    void pending("conditions.enter", "failed.conditions", async () => {
      await timetable.enterWeather(site_id, body);
      setGiven({});
      await load();
    });
  };
  const close = (file: File | undefined) =>
    pending("conditions.close", "failed.conditions", async () => {
      if (!file) return;
      const from = new Date();
      const until = new Date(from.getTime() + Number(hours) * HOUR_MS);
      const geojson: unknown = JSON.parse(await file.text());
      await timetable.close(geojson, from.toISOString(), until.toISOString());
      await load();
    });
  return (
    <details className="card conditions">
      <summary>{t("conditions.title")}</summary>
      <ul className="rows">
        {reports.length === 0 ? <li>{t("conditions.weather.none")}</li> : null}
        {reports.map((one) => (
          <li key={one.source}>
            <span className="num">
              {t("conditions.weather.line", {
                wind: one.wind_m_s ?? "–",
                gust: one.gust_m_s ?? "–",
                rain: one.rain_mm_h ?? "–",
              })}
            </span>{" "}
            <span className="muted">
              {one.source} · {dateTime(one.ts_utc)}
            </span>
          </li>
        ))}
      </ul>
      <form onSubmit={enter}>
        {FIELDS.map((name) => (
          <label key={name} className="field">
            <span>{t(`conditions.${name}`)}</span>
            <input
              type="number"
              min={0}
              step={0.1}
              value={given[name] ?? ""}
              onChange={(event) => setGiven({ ...given, [name]: event.target.value })}
            />
          </label>
        ))}
        <button type="submit">{t("conditions.enter")}</button>
      </form>
      <h3>{t("conditions.no_fly")}</h3>
      <ul className="rows">
        {notices.length === 0 ? <li>{t("conditions.no_fly.none")}</li> : null}
        {notices.map((one) => (
          <li key={one.id}>
            <b>{one.name}</b>{" "}
            <span className="muted num">
              {dateTime(one.from_utc)} – {dateTime(one.until_utc)}, {one.bottom_m}–
              {one.top_m} m
            </span>{" "}
            <TwoStep
              disabled={false}
              sure={t("conditions.open.sure")}
              onConfirm={() =>
                void pending("conditions.open", "failed.conditions", async () => {
                  await timetable.open(one.id);
                  await load();
                })
              }
            >
              {t("conditions.open")}
            </TwoStep>
          </li>
        ))}
      </ul>
      <label className="field">
        <span>{t("conditions.hours")}</span>
        <input
          type="number"
          min={0.25}
          step={0.25}
          value={hours}
          onChange={(event) => setHours(event.target.value)}
        />
      </label>
      <label className="field">
        <span>{t("conditions.close")}</span>
        <input
          type="file"
          accept=".geojson,.json"
          onChange={(event) => void close(event.target.files?.[0])}
        />
      </label>
    </details>
  );
}
