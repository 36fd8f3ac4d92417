// Words of urgent announcements and live talk.

export const enVoice = {
  "dock.urgent": "Urgent…",
  "dock.urgent.help": "Say an announcement now, before what a run says",
  "urgent.title": "Urgent announcement",
  "urgent.what":
    "It is said at once where the chosen vehicles are. What a run says there is cut and said again afterwards; vehicles go on moving.",
  "urgent.message": "Announcement",
  "urgent.none": "The service has no announcements",
  "urgent.vehicles": "Vehicles",
  "urgent.vehicles.none": "Choose at least one vehicle.",
  "urgent.confirm": "Say it now",
  "urgent.sure": "Really? On {n} vehicles",
  "told.urgent": "Urgent announcement was given out",
  "failed.urgent": "The urgent announcement was refused",
} as const;

export const zhVoice: Record<keyof typeof enVoice, string> = {
  "dock.urgent": "紧急…",
  "dock.urgent.help": "立即播报，先于执行中的广播",
  "urgent.title": "紧急播报",
  "urgent.what":
    "在所选载具的当前位置立即播报。执行中的广播会被打断，之后从头再播；载具继续行驶。",
  "urgent.message": "播报内容",
  "urgent.none": "没有可播报的内容",
  "urgent.vehicles": "载具",
  "urgent.vehicles.none": "请至少选择一台载具。",
  "urgent.confirm": "立即播报",
  "urgent.sure": "确定吗？{n} 台载具",
  "told.urgent": "紧急播报已下达",
  "failed.urgent": "紧急播报被拒绝",
};
