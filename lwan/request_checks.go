package lwan

// Checks collects what is wrong with the fields of a form, a query or a body: for a Validate
// method, and for what a handler finds out itself. The zero value has found nothing.
//
//	func (s Signup) Validate() error {
//		var c lwan.Checks
//		c.That("name", len(s.Name) <= 40, "must have at most 40 bytes")
//		c.That("copies", s.Copies > 0, "must be 1 or more")
//		return c.Err()
//	}
type Checks struct{ wrong map[string]string }

// That notes that the field of this name is wrong, unless ok. The client sees the text. Of several
// mistakes of one field the first one counts.
func (c *Checks) That(field string, ok bool, wrong string) {
	if _, noted := c.wrong[field]; ok || noted {
		return
	}
	if c.wrong == nil {
		c.wrong = map[string]string{}
	}
	c.wrong[field] = wrong
}

// Err is nil if nothing is wrong, else an *Error of status 422 (Unprocessable Content) with Fields.
func (c *Checks) Err() error {
	if len(c.wrong) == 0 {
		return nil
	}
	return &Error{
		Status: StatusUnprocessable, Message: "some fields have mistakes", Fields: c.wrong,
	}
}
