package lwan

import (
	"encoding/asn1"
	"errors"
	"math/big"
	"time"
)

// What is needed of an OCSP response (RFC 6960 section 4.2.1): of which certificate it is, what it
// says, and until when. Its signature is for clients to check.

type ocspResponse struct {
	Status asn1.Enumerated
	Bytes  ocspBytes `asn1:"explicit,tag:0,optional"`
}

type ocspBytes struct {
	Type     asn1.ObjectIdentifier
	Response []byte
}

type ocspBasic struct {
	Data      ocspData
	Algorithm asn1.RawValue
	Signature asn1.BitString // certificates may follow
}

type ocspData struct {
	Version   int `asn1:"explicit,tag:0,default:0,optional"`
	Responder asn1.RawValue
	Produced  time.Time    `asn1:"generalized"`
	Responses []ocspSingle // extensions may follow
}

type ocspSingle struct {
	ID     ocspID
	Status asn1.RawValue
	Now    time.Time `asn1:"generalized"`
	Until  time.Time `asn1:"generalized,explicit,tag:0,optional"` // extensions may follow
}

type ocspID struct {
	Hash      asn1.RawValue
	Name, Key []byte
	Serial    *big.Int
}

var ocspBasicType = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 1}

// checkOCSP returns until when a response for the certificate of that serial number is good; zero:
// it does not say.
func checkOCSP(der []byte, serial *big.Int) (until time.Time, err error) {
	var response ocspResponse
	if err := unmarshalAll(der, &response); err != nil {
		return until, err
	}
	if response.Status != 0 || !response.Bytes.Type.Equal(ocspBasicType) {
		return until, errors.New("the responder had no answer")
	}
	var basic ocspBasic
	if err := unmarshalAll(response.Bytes.Response, &basic); err != nil {
		return until, err
	}
	for _, single := range basic.Data.Responses {
		switch {
		case single.ID.Serial == nil || single.ID.Serial.Cmp(serial) != 0:
		case single.Status.Class != asn1.ClassContextSpecific || single.Status.Tag != 0:
			return until, errors.New("it does not say that the certificate is good")
		default:
			return single.Until, nil
		}
	}
	return until, errors.New("it is of another certificate")
}

func unmarshalAll(der []byte, into any) error {
	rest, err := asn1.Unmarshal(der, into)
	if err == nil && len(rest) > 0 {
		err = errors.New("asn1: trailing data")
	}
	return err
}
