// The language in force, kept in the browser, and words and numbers in it.

import { createContext, useContext } from "react";
import { en, type MessageKey, type Messages } from "./messages";
import { zh } from "./zh";

export const LANGUAGES = { en: "English", zh: "中文" } as const;
export type Language = keyof typeof LANGUAGES;

const TABLES: Record<Language, Messages> = { en, zh };
const LOCALES: Record<Language, string> = { en: "en-GB", zh: "zh-CN" };
const KEPT = "patrolctl.language";

type Values = Record<string, string | number>;

export function fill(pattern: string, values: Values): string {
  return pattern.replace(/\{(\w+)\}/g, (whole, name: string) =>
    String(values[name] ?? whole),
  );
}

export interface Words {
  language: Language;
  t(key: MessageKey, values?: Values): string;
  /** "83 %", never rounded up to a whole that is not whole. */
  percent(ratio: number): string;
  number(value: number, digits?: number): string;
  /** 75 → "1:15", 4000 → "1:06:40". */
  duration(seconds: number): string;
  /** An age for people: "12 s", "3 min". */
  age(seconds: number | null): string;
  distance(metres: number): string;
  time(iso: string): string;
  dateTime(iso: string, time_zone?: string): string;
  /** Day and time to the second, for telling things of one day apart. */
  stamp(iso: string): string;
}

/** 99.95 % must not read as 100 %: that would claim that all were reached. */
export function honestPercent(ratio: number): string {
  const percent = ratio * 100;
  if (percent >= 100) return "100 %";
  if (percent <= 0) return "0 %";
  const digits = percent > 99 || percent < 1 ? 1 : 0;
  const scale = 10 ** digits;
  return `${(Math.floor(percent * scale) / scale).toFixed(digits)} %`;
}

export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${String(s).padStart(2, "0")}`;
  return h > 0 ? `${h}:${String(m).padStart(2, "0")}:${tail}` : `${m}:${tail}`;
}

export function ageText(seconds: number | null, language: Language): string {
  if (seconds === null) return "—";
  const [s, min, h] =
    language === "zh" ? [" 秒", " 分", " 小时"] : [" s", " min", " h"];
  if (seconds < 100) return `${Math.round(seconds)}${s}`;
  if (seconds < 6000) return `${Math.round(seconds / 60)}${min}`;
  return `${Math.round(seconds / 3600)}${h}`;
}

function when(iso: string, format: Intl.DateTimeFormat): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? "—" : format.format(date);
}

export function wordsOf(language: Language): Words {
  const table = TABLES[language];
  const locale = LOCALES[language];
  const clock = new Intl.DateTimeFormat(locale, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hour12: false,
  });
  const stamp = new Intl.DateTimeFormat(locale, {
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hour12: false,
  });
  return {
    language,
    t: (key, values) => (values ? fill(table[key], values) : table[key]),
    percent: honestPercent,
    number: (value, digits = 0) =>
      value.toLocaleString(locale, {
        minimumFractionDigits: digits,
        maximumFractionDigits: digits,
      }),
    duration: durationText,
    age: (seconds) => ageText(seconds, language),
    distance: (metres) =>
      metres >= 1000 ? `${(metres / 1000).toFixed(1)} km` : `${Math.round(metres)} m`,
    time: (iso) => when(iso, clock),
    stamp: (iso) => when(iso, stamp),
    dateTime: (iso, time_zone) => when(iso, dateFormat(locale, time_zone)),
  };
}

function dateFormat(locale: string, time_zone?: string): Intl.DateTimeFormat {
  const options: Intl.DateTimeFormatOptions = {
    weekday: "short",
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
  };
  try {
    return new Intl.DateTimeFormat(
      locale,
      time_zone ? { ...options, timeZone: time_zone } : options,
    );
  } catch {
    return new Intl.DateTimeFormat(locale, options); // a zone that is not known here
  }
}

export function firstLanguage(): Language {
  const kept = localStorage.getItem(KEPT);
  if (kept === "en" || kept === "zh") return kept;
  return navigator.language.startsWith("zh") ? "zh" : "en";
}

export function keepLanguage(language: Language): void {
  localStorage.setItem(KEPT, language);
}

export const WordsContext = createContext<Words>(wordsOf("en"));

export function useWords(): Words {
  return useContext(WordsContext);
}
