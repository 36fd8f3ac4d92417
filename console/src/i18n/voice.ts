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
  "told.exposure": "Some households have heard more than their share of today",
  "failed.urgent": "The urgent announcement was refused",
  "talk.open": "Talk…",
  "talk.title": "Talk over {id}",
  "talk.what":
    "Hold the button (or the space bar) and talk. What plays there is cut and said again afterwards. It is recorded.",
  "talk.authority.help": "Who ordered it. It is kept with the recording.",
  "talk.hold": "Hold to talk",
  "talk.idle": "Ready",
  "talk.calling": "Wait: asking the loudspeaker…",
  "talk.talking": "Talk now",
  "talk.over": "{s} s were said and recorded",
  "talk.cut": "Ended: {why}",
  "talk.refused": "Not possible: {why}",
  "talk.close": "Close",
  "talk.lack.insecure":
    "A browser gives its microphone to secure pages only: open the console over https, or on the machine itself.",
  "talk.lack.microphone": "No microphone was found.",
  "talk.lack.denied": "The browser was not allowed to use the microphone.",
  "talk.lack.encoder":
    "This browser cannot encode Opus (WebCodecs). Use a current Chromium, Chrome, Edge or Firefox.",
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
  "told.exposure": "部分住户今日收听量已超过上限",
  "failed.urgent": "紧急播报被拒绝",
  "talk.open": "喊话…",
  "talk.title": "通过 {id} 喊话",
  "talk.what":
    "按住按钮（或空格键）说话。正在播放的内容会被打断，之后从头再播。喊话会被录音。",
  "talk.authority.help": "由谁下令，与录音一并保存。",
  "talk.hold": "按住说话",
  "talk.idle": "就绪",
  "talk.calling": "请稍候，正在接通扬声器…",
  "talk.talking": "请讲话",
  "talk.over": "已喊话并录音 {s} 秒",
  "talk.cut": "已结束：{why}",
  "talk.refused": "无法喊话：{why}",
  "talk.close": "关闭",
  "talk.lack.insecure":
    "浏览器只允许安全页面使用麦克风：请用 https 打开控制台，或在本机打开。",
  "talk.lack.microphone": "未找到麦克风。",
  "talk.lack.denied": "浏览器未获准使用麦克风。",
  "talk.lack.encoder":
    "此浏览器不能编码 Opus（WebCodecs）。请使用新版 Chromium、Chrome、Edge 或 Firefox。",
};
