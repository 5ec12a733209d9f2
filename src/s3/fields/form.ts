import type { Field } from '../operation.js';

/** What a browser form asks of the answer, and where the object will lie. */
export interface FormReply {
  /** `success_action_redirect`, or the older `redirect`. */
  redirect: string | undefined;
  /** `success_action_status`. */
  status: string | undefined;
  /** URL of the object. */
  location: string;
}

/** Present for PostObject alone. */
export const formReply: Field<FormReply> = {
  read: ({ form }) => {
    if (!form) throw new Error('the request is no form');
    return form;
  },
};
