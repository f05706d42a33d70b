import { createRoot } from "react-dom/client";
import { startTheme } from "../theme.ts";
import { startKeys } from "./keys.ts";
import { start } from "./state.ts";
import { ViewApp } from "./view-app.tsx";
import "@fontsource-variable/instrument-sans/index.css";
import "@fontsource-variable/geist-mono/index.css";
import "uplot/dist/uPlot.min.css";
import "../style/base.css";
import "../style/layout.css";
import "../style/view.css";

startTheme();
startKeys();
void start();
const root = document.getElementById("root");
if (root !== null) createRoot(root).render(<ViewApp />);
