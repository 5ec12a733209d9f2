#!/usr/bin/env node
import { requireOpenFiles } from './open-files.js';

if (requireOpenFiles()) await import('./cli/coffer.js');
