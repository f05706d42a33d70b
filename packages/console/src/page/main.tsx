import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { startKeys } from "./keys.ts";
import { connect } from "./link/live.ts";
import { startTheme } from "./theme.ts";
import "@fontsource-variable/instrument-sans/index.css";
import "@fontsource-variable/geist-mono/index.css";
import "uplot/dist/uPlot.min.css";
import "./style/base.css";
import "./style/layout.css";
import "./style/dock.css";
import "./style/panel.css";

startTheme();
startKeys();
connect();
const root = document.getElementById("root");
if (root !== null) createRoot(root).render(<App />);
