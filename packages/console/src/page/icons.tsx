/** Line icons, 20 by 20, drawn in the colour of the text around them. */
import type { ReactNode } from "react";

function Icon({ children, size = 18 }: { children: ReactNode; size?: number }): ReactNode {
  return (
    <svg
      viewBox="0 0 20 20"
      width={size}
      height={size}
      aria-hidden="true"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      {children}
    </svg>
  );
}

export function EyeIcon(): ReactNode {
  return (
    <Icon size={16}>
      <path d="M2.5 10s2.7-5 7.5-5 7.5 5 7.5 5-2.7 5-7.5 5-7.5-5-7.5-5Z" />
      <circle cx="10" cy="10" r="2.3" />
    </Icon>
  );
}

export function SendIcon(): ReactNode {
  return (
    <Icon size={20}>
      <path d="M10 16V4.5M5 9.2l5-5 5 5" />
    </Icon>
  );
}

export function ShuffleIcon(): ReactNode {
  return (
    <Icon size={17}>
      <path d="M2.5 6h2.2c1.5 0 2.6.7 3.4 1.9l2.6 4.2c.8 1.2 1.9 1.9 3.4 1.9h3.2M2.5 14h2.2c1.2 0 2.1-.4 2.8-1.2M11.300 7.200c.7-.8 1.600-1.200 2.800-1.200h3.200" />
      <path d="m15.200 3.800 2.300 2.200-2.300 2.200M15.200 11.800l2.300 2.200-2.300 2.200" />
    </Icon>
  );
}

export function SunIcon(): ReactNode {
  return (
    <Icon>
      <circle cx="10" cy="10" r="3.3" />
      <path d="M10 2.500v1.600M10 15.900v1.600M2.500 10h1.600M15.900 10h1.600M4.700 4.700l1.100 1.100M14.200 14.200l1.100 1.100M4.700 15.300l1.100-1.100M14.200 5.800l1.100-1.100" />
    </Icon>
  );
}

export function MoonIcon(): ReactNode {
  return (
    <Icon>
      <path d="M16.500 11.900A7 7 0 0 1 8.100 3.500a7 7 0 1 0 8.400 8.400Z" />
    </Icon>
  );
}

export function PanelIcon(): ReactNode {
  return (
    <Icon>
      <rect x="2.500" y="3.500" width="15" height="13" rx="2.500" />
      <path d="M12.300 3.500v13" />
    </Icon>
  );
}

export function CloseIcon(): ReactNode {
  return (
    <Icon>
      <path d="m5 5 10 10M15 5 5 15" />
    </Icon>
  );
}
